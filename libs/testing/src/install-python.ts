import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const cacheDir = fileURLToPath(new URL('../../../node_modules/.cache/countersign/', import.meta.url))

/**
 * Installs what a requirements file names, once, into the cache of this checkout; every line must have its hash.
 *
 * @returns the folder for `PYTHONPATH`; undefined where there is no Python 3 with pip
 * @throws Error when pip fails
 */
export async function installPython(requirements: string): Promise<string | undefined> {
  try {
    await run('python3', ['-m', 'pip', '--version'], { timeout: 20_000 })
  } catch {
    return undefined
  }
  const hash = createHash('sha256').update(await readFile(requirements))
  const folder = join(cacheDir, `python-${hash.digest('hex').slice(0, 16)}`)
  if (await exists(folder)) return folder
  await mkdir(cacheDir, { recursive: true })
  const scratch = await mkdtemp(join(cacheDir, 'install-'))
  const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--require-hashes', '--only-binary=:all:']
  await run('python3', [...args, '--target', scratch, '-r', requirements], { timeout: 300_000 })
  await rename(scratch, folder).catch(async (error: unknown) => {
    await rm(scratch, { recursive: true, force: true })
    // Another test was faster.
    if (!(await exists(folder))) throw error
  })
  return folder
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
