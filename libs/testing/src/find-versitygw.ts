import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findGo } from './find-go.ts'

const run = promisify(execFile)

/** Versity's S3 gateway over a folder (Apache-2.0); Go checks what it fetches against its checksum database. */
const release = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0'
const cacheDir = fileURLToPath(new URL('../../../node_modules/.cache/countersign/', import.meta.url))
/** Compiling takes minutes on a slow machine. */
const buildTimeoutMs = 1_200_000

/**
 * Finds an S3 server for tests, or builds one: `COUNTERSIGN_VERSITYGW`, the cache of this checkout, the PATH, then Go.
 *
 * @returns its path, or why there is none: only where Go cannot be had
 */
export async function findVersitygw(): Promise<{ path: string } | { none: string }> {
  const cached = join(cacheDir, 'versitygw')
  const chosen = process.env.COUNTERSIGN_VERSITYGW
  for (const path of chosen ? [chosen] : [cached, 'versitygw']) if (await runs(path, '--version')) return { path }
  if (chosen) throw new Error(`COUNTERSIGN_VERSITYGW is ${chosen}, which does not run`)
  const go = await findGo()
  if (!go) return { none: 'there is no versitygw, and no Go to build one with' }
  await mkdir(cacheDir, { recursive: true })
  const scratch = await mkdtemp(join(cacheDir, 'install-'))
  try {
    await run(go, ['install', release], { timeout: buildTimeoutMs, env: { ...process.env, GOBIN: scratch } })
    await rename(join(scratch, 'versitygw'), cached)
    return { path: cached }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function runs(path: string, ...args: string[]): Promise<boolean> {
  try {
    if (path.includes('/')) await access(path)
    await run(path, args, { timeout: 20_000 })
    return true
  } catch {
    return false
  }
}
