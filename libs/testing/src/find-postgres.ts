import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Where Debian's packages put their programs, one folder a version. */
const debianRoot = '/usr/lib/postgresql'
const installTimeoutMs = 600_000

/**
 * Finds a Postgres server for tests, or installs Debian's: `COUNTERSIGN_POSTGRES_BIN`, Debian's folders, the PATH, then apt-get.
 *
 * @returns the folder of its programs, or why there is none: only where it is not installed and may not be
 */
export async function findPostgres(): Promise<{ bin: string } | { none: string }> {
  const chosen = process.env.COUNTERSIGN_POSTGRES_BIN
  if (chosen) {
    if (await runs(join(chosen, 'postgres'))) return { bin: chosen }
    throw new Error(`COUNTERSIGN_POSTGRES_BIN is ${chosen}, which has no postgres that runs`)
  }
  const found = await installed()
  if (found !== undefined) return { bin: found }
  if (process.getuid?.() !== 0) return { none: 'there is no Postgres, and only root may install one' }
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const options = { timeout: installTimeoutMs, env }
    await run('apt-get', ['update'], options)
    // Its programs alone: the package `postgresql` would also make and start a cluster.
    const { stdout } = await run('apt-cache', ['depends', 'postgresql'], options)
    const name = /Depends: (postgresql-\d+)/.exec(stdout)?.[1] ?? 'postgresql'
    await run('apt-get', ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', name], options)
  } catch (error) {
    return { none: `there is no Postgres, and apt-get could not install one: ${(error as Error).message}` }
  }
  const now = await installed()
  return now === undefined ? { none: 'apt-get installed Postgres, and it is not where it should be' } : { bin: now }
}

async function installed(): Promise<string | undefined> {
  const versions = await readdir(debianRoot).catch(() => [])
  const newestFirst = versions.toSorted((a, b) => Number(b) - Number(a))
  for (const bin of newestFirst.map((version) => join(debianRoot, version, 'bin'))) {
    if (await runs(join(bin, 'postgres'))) return bin
  }
  const { stdout } = await run('pg_config', ['--bindir']).catch(() => ({ stdout: '' }))
  const bin = stdout.trim()
  return bin !== '' && (await runs(join(bin, 'postgres'))) ? bin : undefined
}

async function runs(path: string): Promise<boolean> {
  try {
    await run(path, ['--version'], { timeout: 20_000 })
    return true
  } catch {
    return false
  }
}
