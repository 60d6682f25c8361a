import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'

/**
 * Reads the key that signs checkpoints.
 *
 * @throws Error saying what is wrong with the file and how to make one
 */
export function readSigningKey(path: string): KeyObject {
  const remedy = `make one with: openssl genpkey -algorithm ed25519 -out ${path}`
  let key: KeyObject
  try {
    key = createPrivateKey(readFileSync(path))
  } catch (cause) {
    throw new Error(
      `the audit key ${path} cannot be read as a PEM private key (${(cause as Error).message}); ${remedy}`,
      {
        cause,
      },
    )
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new Error(
      `the audit key ${path} is ${key.asymmetricKeyType}, but checkpoints are signed with Ed25519; ${remedy}`,
    )
  }
  return key
}
