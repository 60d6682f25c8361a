import { rename, writeFile } from 'node:fs/promises'

/** Writes a file only its owner may read, whole or not at all. */
export async function writeSecret(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
