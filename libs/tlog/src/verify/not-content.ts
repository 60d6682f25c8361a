import { createHash } from 'node:crypto'
import type { Store } from '../store/store.ts'

/** Read at once: content may be a hundred times as long, and several threads read. */
const partBytes = 4 * 1024 * 1024

/**
 * Says why a file is not the content that a record names; undefined when it is.
 *
 * @param named SHA-256 of the content, as `sha256:` and 64 hex digits, and its bytes
 */
export async function notContent(
  store: Pick<Store, 'readPart'>,
  path: string,
  { digest, size }: { digest: string; size: number },
): Promise<string | undefined> {
  const hash = createHash('sha256')
  let read = 0
  for (let more = true; more && read <= size;) {
    // One byte more than there should be shows that there are more.
    const asked = Math.min(partBytes, size + 1 - read)
    const part = await store.readPart(path, read, asked)
    if (!part) return 'it is missing'
    hash.update(part)
    read += part.length
    more = part.length === asked
  }
  if (read > size) return `it has more than ${size} bytes`
  if (read < size) return `it has ${read} bytes and not ${size}`
  return `sha256:${hash.digest('hex')}` === digest ? undefined : 'it is not what its digest says'
}
