import { createHash, createSecretKey, type KeyObject } from 'node:crypto'
import { WatchedFile, type WatchOptions } from '@countersign/config'

/** A key that subject keys are wrapped with. */
export interface KeyEncryptionKey {
  /** First 16 hex digits of its SHA-256. */
  id: string
  key: KeyObject
}

const keyBytes = 32

/** The key-encryption keys of a file. The first wraps; all of them unwrap, so that one can take the place of another. */
export class KeyEncryptionKeys {
  readonly #file: WatchedFile<readonly KeyEncryptionKey[]>
  #keys: readonly KeyEncryptionKey[] = []

  /** @param path a file with one key a line, each 32 bytes in base64; read again when it changes */
  constructor(path: string, options: WatchOptions = {}) {
    this.#file = new WatchedFile(path, parseKeys, options)
  }

  /** Takes up a changed file. @throws Error when it was never good */
  async refresh(): Promise<void> {
    this.#keys = await this.#file.read()
  }

  /** Why the file as it is now cannot be used; undefined while it can. */
  get problem(): string | undefined {
    return this.#file.problem
  }

  /** The one that wraps. */
  get first(): KeyEncryptionKey {
    return this.#keys[0]!
  }

  /** The one with an id; undefined for one that the file does not have. */
  find(id: string): KeyObject | undefined {
    return this.#keys.find((each) => each.id === id)?.key
  }
}

/** Reads the keys of a file. @throws Error saying what is wrong with it and how to make one */
export async function openKeyEncryptionKeys(path: string, options: WatchOptions = {}): Promise<KeyEncryptionKeys> {
  const keys = new KeyEncryptionKeys(path, options)
  await keys.refresh()
  return keys
}

function parseKeys(text: string): readonly KeyEncryptionKey[] {
  const remedy = `it must have one key a line, each ${keyBytes} bytes in base64: openssl rand -base64 ${keyBytes}`
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  if (lines.length === 0) throw new Error(`it has no key; ${remedy}`)
  return lines.map((line, place) => {
    const bytes = Buffer.from(line.trim(), 'base64')
    // What is wrong with it is not quoted: it is nearly a key.
    if (bytes.length !== keyBytes || bytes.toString('base64') !== line.trim()) {
      throw new Error(`line ${place + 1} is no key; ${remedy}`)
    }
    return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 16), key: createSecretKey(bytes) }
  })
}
