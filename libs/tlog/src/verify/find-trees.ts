import { checkpointFile } from '../log/files.ts'
import { journalFile } from '../log/journal.ts'
import type { Store } from '../store/store.ts'

/**
 * The folders with a tree: the place itself (an empty name), or those below it (names that end in `/`).
 *
 * @throws NoLog when there is none
 */
export async function findTrees(store: Store): Promise<string[]> {
  const names = await store.list('')
  if (isTree(names)) return ['']
  const folders: string[] = []
  for (const name of names) if (name.endsWith('/') && isTree(await store.list(name.slice(0, -1)))) folders.push(name)
  if (folders.length === 0) {
    throw new NoLog(`there is no transparency log in ${store.place}: neither it nor a folder in it has a checkpoint`)
  }
  return folders
}

/** Thrown for a place without a log. */
export class NoLog extends Error {
  override name = 'NoLog'
}

/** A tree whose checkpoint was taken away is found by the rest of it, and told of. */
function isTree(names: string[]): boolean {
  return [checkpointFile, journalFile, 'tile/'].some((name) => names.includes(name))
}
