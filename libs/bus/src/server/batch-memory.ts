import { createHash } from 'node:crypto'
import { lstat, mkdir, readlink, rm, rmdir, symlink, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { streams } from '@countersign/contracts'

/** Where Linux keeps files in memory; other systems have no such folder. */
const memory = '/dev/shm'
/** A folder on disk in which a batch is just being gathered is not taken away; most of the time there is none in it. */
const [attempts, pauseMs] = [50, 20]

/**
 * Has a nats-server that stands alone gather the atomic batches of `CALLS` in memory. By itself it makes a store on its disk for each, which
 * costs as much as some twenty events: so a batch stays whole when the server is killed while it stores it. Nobody needs that here. An
 * event is acknowledged when it is in the stream and synced, and each event of a batch stands for itself.
 *
 * To be called whenever the server was started, once it has its streams: when it starts it takes the link away. Does nothing where there is no
 * such memory.
 *
 * @param storeDir the server's `store_dir`
 * @throws Error with the reason why batches are gathered on the disk; nothing but their cost depends on it
 */
export async function useBatchMemory(storeDir: string): Promise<void> {
  if (!(await isFolder(memory))) return
  const folder = folderOf(storeDir)
  await mkdir(folder, { mode: 0o700 }).catch(unlessThere)
  const { uid, mode } = await lstat(folder)
  if (!(await isFolder(folder)) || uid !== process.getuid?.() || (mode & 0o077) !== 0)
    throw new Error(`${folder} is there and is not a folder that only this user may read; remove it`)
  const batches = join(storeDir, 'jetstream', '$G', 'streams', streams.CALLS.name, 'batches')
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (await linked(batches, folder)) return
    await setTimeout(pauseMs)
  }
  throw new Error(`batches are gathered in ${batches} all the time, so it could not be replaced`)
}

/** Gives the memory back; to be called when the server has ended. */
export async function freeBatchMemory(storeDir: string): Promise<void> {
  await rm(folderOf(storeDir), { recursive: true, force: true })
}

/** The same for a store whenever it is started, and another one for each store. */
function folderOf(storeDir: string): string {
  const name = createHash('sha256').update(storeDir).digest('hex').slice(0, 16)
  return join(memory, `countersign-batches-${name}`)
}

/** Puts a link in the place of an empty folder; resolves to whether it is there. */
async function linked(path: string, target: string): Promise<boolean> {
  try {
    await symlink(target, path)
    return true
  } catch (error) {
    unlessThere(error)
  }
  const led = await readlink(path).catch(() => undefined)
  if (led === target) return true
  // A folder that is not empty stays.
  await (led === undefined ? rmdir(path) : unlink(path)).catch(() => {})
  return false
}

function unlessThere(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
}

async function isFolder(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  return found?.isDirectory() ?? false
}
