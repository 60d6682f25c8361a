import { createPrivateKey, type KeyObject } from 'node:crypto'
import { WatchedFile, type WatchOptions } from '@countersign/config'
import { ed25519Signer, type Signer } from '@countersign/tlog'

const pem = /-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----/g

/**
 * The keys that sign checkpoints: a file with one key or, while keys are rotated, several, which then all sign. Read again when it changes.
 *
 * @returns who signs now, under a name
 * @throws Error (of what is returned) saying what is wrong with the file and how to make one
 */
export function signingKeys(path: string, options: WatchOptions = {}): (origin: string) => Promise<readonly Signer[]> {
  const file = new WatchedFile(path, (text) => parseKeys(text, path), options)
  const signers = new Map<string, { keys: readonly KeyObject[]; signers: Signer[] }>()
  return async (origin) => {
    const keys = await file.read()
    const known = signers.get(origin)
    if (known?.keys === keys) return known.signers
    const made = keys.map((key) => ed25519Signer(key, origin))
    signers.set(origin, { keys, signers: made })
    return made
  }
}

function parseKeys(text: string, path: string): readonly KeyObject[] {
  const remedy = `make one with: openssl genpkey -algorithm ed25519 -out ${path}`
  const keys = (text.match(pem) ?? []).map((block) => {
    try {
      return createPrivateKey(block)
    } catch (cause) {
      throw new Error(`it has a block that is no PEM private key (${(cause as Error).message}); ${remedy}`, { cause })
    }
  })
  if (keys.length === 0) throw new Error(`it has no PEM private key; ${remedy}`)
  const other = keys.find(({ asymmetricKeyType }) => asymmetricKeyType !== 'ed25519')
  if (other) {
    throw new Error(
      `it has a key of type ${other.asymmetricKeyType}, but checkpoints are signed with Ed25519; ${remedy}`,
    )
  }
  return keys
}
