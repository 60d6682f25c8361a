import { readFile } from 'node:fs/promises'
import type { S3Options } from './s3-store.ts'

/**
 * Reads who may use a bucket: a file of JSON with `accessKeyId`, `secretAccessKey` and, if there is one, `sessionToken`.
 *
 * @throws Error for a file that cannot be read or is not that; it quotes nothing of what the file holds
 */
export async function readS3Credentials(path: string): Promise<NonNullable<S3Options['credentials']>> {
  const credentials = credentialsOf(await readFile(path, 'utf8'))
  if (!credentials) throw new Error(`${path} is not JSON with accessKeyId and secretAccessKey`)
  return credentials
}

function credentialsOf(text: string): S3Options['credentials'] {
  try {
    const { accessKeyId, secretAccessKey, sessionToken } = JSON.parse(text) as Record<string, unknown>
    if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string') return undefined
    return { accessKeyId, secretAccessKey, ...(typeof sessionToken === 'string' ? { sessionToken } : {}) }
  } catch {
    // What a parser says quotes the text.
    return undefined
  }
}
