import type { Bucket } from '@countersign/bus'
import { z } from 'zod'

/** What the bucket `policies` keeps under `current`: the accepted texts, so that they outlive broken files and restarts. */
const KeptBundle = z.object({
  revision: z.string(),
  loadedAt: z.iso.datetime(),
  files: z.array(z.object({ file: z.string(), text: z.string() })),
})
export type KeptBundle = z.infer<typeof KeptBundle>

const key = 'current'

/** Keeps the set in force for every replica and the next start (I12); undefined: there is none. */
export async function keepBundle(bucket: Bucket, bundle: KeptBundle | undefined): Promise<void> {
  if (bundle) await bucket.put(key, new TextEncoder().encode(JSON.stringify(bundle)))
  else await bucket.remove(key)
}

/** Reads what was kept; undefined when there is nothing, or nothing that can be read. */
export async function keptBundle(bucket: Bucket): Promise<KeptBundle | undefined> {
  const bytes = await bucket.get(key)
  if (!bytes) return undefined
  try {
    return KeptBundle.parse(JSON.parse(new TextDecoder().decode(bytes)))
  } catch {
    return undefined
  }
}
