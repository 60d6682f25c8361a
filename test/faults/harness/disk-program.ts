import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { buildOnce } from './build-once.ts'

const source = fileURLToPath(new URL('../disk/', import.meta.url))

/** Why a disk that can fail cannot be had here; false when it can, so that a test may say `skip: noDisk()`. */
export function noDisk(): string | false {
  if (process.platform !== 'linux' || !existsSync('/dev/fuse')) return 'there is no /dev/fuse'
  if (process.getuid?.() !== 0) return 'only root may mount'
  // Root of a container may lack the right to mount all the same.
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0) return 'this root may not mount'
  if (spawnSync('go', ['version']).status !== 0) return 'there is no Go to build the disk with'
  const fetched = spawnSync('go', ['mod', 'download'], { cwd: source, timeout: 120_000 }).status === 0
  return fetched ? false : 'what the disk is built from cannot be fetched'
}

/** Builds the program of the disk, unless it was built before; resolves to its path. */
export async function buildDiskProgram(): Promise<string> {
  const files = (await readdir(source)).toSorted()
  const from = await Promise.all(files.map(async (file) => [file, await readFile(join(source, file))] as const))
  return buildOnce('faults-disk', from.flat(), async (folder) => {
    const args = ['build', '-mod=readonly', '-o', join(folder, 'faults-disk'), '.']
    await promisify(execFile)('go', args, { cwd: source, timeout: 300_000 })
  })
}
