import { createPrivateKey, type KeyObject } from 'node:crypto'
import { WatchedFile, type WatchOptions } from '@countersign/config'
import { ed25519Signer, type Signer } from '@countersign/tlog'
import type { Fault } from '../erasure/watch-keys.ts'

const pem = /-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----/g

/** Who signs now, under a name. */
export interface SigningKeys {
  (origin: string): Promise<readonly Signer[]>
  /** What is wrong with the file as it is now, while the keys read last go on signing. */
  faults: () => Promise<Fault[]>
}

/**
 * The keys that sign checkpoints: a file with one key or, while keys are rotated, several, which then all sign. Read again when it changes.
 *
 * @returns who signs now, which throws an Error while the file was never good: what is wrong with it, and how to make one
 */
export function signingKeys(path: string, options: WatchOptions = {}): SigningKeys {
  const file = new WatchedFile(path, parseKeys, options)
  const signers = new Map<string, { keys: readonly KeyObject[]; signers: Signer[] }>()
  const read = () =>
    file.read().catch((error: Error) => {
      // Only then: of a log that was signed before, a new key alone is no remedy.
      const remedy = `make one with: openssl genpkey -algorithm ed25519 -out ${path}`
      throw new Error(`${error.message}; for a new log, ${remedy}`, { cause: error })
    })
  const signersOf = async (origin: string) => {
    const keys = await read()
    const known = signers.get(origin)
    if (known?.keys === keys) return known.signers
    const made = keys.map((key) => ed25519Signer(key, origin))
    signers.set(origin, { keys, signers: made })
    return made
  }
  return Object.assign(signersOf, {
    async faults() {
      await read()
      return keyFaults(file.problem)
    },
  })
}

function keyFaults(problem: string | undefined): Fault[] {
  if (problem === undefined) return []
  const why = `${problem}; checkpoints are signed with the keys read last, a key that was added does not sign, and audit will not start again`
  const remedy =
    'mend the file, with the key that signed so far in it: audit goes on only from what one of its keys has signed; it is read again within seconds'
  return [{ what: 'key of checkpoints', problem: why, remedy }]
}

function parseKeys(text: string): readonly KeyObject[] {
  const keys = (text.match(pem) ?? []).map((block) => {
    try {
      return createPrivateKey(block)
    } catch (cause) {
      throw new Error(`it has a block that is no PEM private key (${(cause as Error).message})`, { cause })
    }
  })
  if (keys.length === 0) throw new Error('it has no PEM private key')
  const other = keys.find(({ asymmetricKeyType }) => asymmetricKeyType !== 'ed25519')
  if (other) throw new Error(`it has a key of type ${other.asymmetricKeyType}, but checkpoints are signed with Ed25519`)
  return keys
}
