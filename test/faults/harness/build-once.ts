import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const cacheDir = fileURLToPath(new URL('../../../node_modules/.cache/countersign/', import.meta.url))

/**
 * Builds a program, unless it was built before from the same; resolves to its path.
 *
 * @param from everything that it is built from, as text or bytes
 * @param build puts it under its name into the folder that it is given
 */
export async function buildOnce(
  name: string,
  from: readonly (string | Uint8Array)[],
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256')
  for (const part of from) hash.update(part)
  const built = join(cacheDir, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(built)) return built
  await mkdir(cacheDir, { recursive: true })
  const scratch = await mkdtemp(join(cacheDir, `${name}-`))
  try {
    await build(scratch)
    // Whoever else builds it at the same time builds the same.
    await rename(join(scratch, name), built)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  return built
}
