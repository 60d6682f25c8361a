import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { FindKey } from '@countersign/contracts'
import { openKeyEncryptionKeys } from './key-encryption-keys.ts'
import { databaseFile } from './open-key-database.ts'
import { SubjectKeys } from './subject-keys.ts'

/**
 * Opens the keys of subjects for reading alone, also while audit uses them.
 *
 * @param dir their folder, or a copy of it
 * @param kekFile the file with the keys that they are wrapped with
 * @throws Error when either is not there or cannot be read
 */
export async function openKeyReader(dir: string, kekFile: string): Promise<{ find: FindKey; close: () => void }> {
  const path = join(dir, databaseFile)
  if (!existsSync(path)) throw new Error(`there are no keys of subjects in ${dir}: it has no ${databaseFile}`)
  const keks = await openKeyEncryptionKeys(kekFile)
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
  const keys = new SubjectKeys(database, keks)
  return { find: (id) => keys.find(id), close: () => database.close() }
}
