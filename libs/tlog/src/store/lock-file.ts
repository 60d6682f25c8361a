import { DatabaseSync } from 'node:sqlite'
import { Fenced } from './store.ts'

/**
 * Takes a lock that the system drops when the process dies. Node has no advisory locks of its own; SQLite has.
 *
 * @param path of an empty file that is made for it
 * @param taken said when another process has it
 * @returns lets go of it
 * @throws Fenced when another process has it
 */
export function lockFile(
  path: string,
  taken = `another process writes to the log (it holds ${path}): a log has one writer. Stop the other one first`,
): () => void {
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    database.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (/locked/.test((error as Error).message)) {
      throw new Fenced(taken, { cause: error })
    }
    throw error
  }
  return () => database.close()
}
