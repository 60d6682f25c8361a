import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const source = fileURLToPath(new URL('../disk/', import.meta.url))
const cacheDir = fileURLToPath(new URL('../../../node_modules/.cache/countersign/', import.meta.url))

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
  const hash = createHash('sha256')
  for (const file of (await readdir(source)).toSorted()) hash.update(file).update(await readFile(join(source, file)))
  const built = join(cacheDir, `faults-disk-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(built)) return built
  await mkdir(cacheDir, { recursive: true })
  const scratch = await mkdtemp(join(cacheDir, 'disk-'))
  try {
    const binary = join(scratch, 'disk')
    await promisify(execFile)('go', ['build', '-mod=readonly', '-o', binary, '.'], { cwd: source, timeout: 300_000 })
    // Whoever else builds it at the same time builds the same.
    await rename(binary, built)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  return built
}
