import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findGo } from './find-go.ts'

const run = promisify(execFile)
const cacheDir = fileURLToPath(new URL('../../../node_modules/.cache/countersign/', import.meta.url))
/** Compiling takes minutes on a slow machine. */
const buildTimeoutMs = 1_200_000

/** A program that tests run and Go can build. */
export interface GoProgram {
  name: string
  /** Package and version; Go checks what it fetches against its checksum database. */
  release: string
  /** Environment variable with a path to use instead. */
  setting: string
  /** What it answers at once, to see that it runs. */
  probe: string
}

/**
 * Finds a program, or builds it: the path of its setting, the cache of this checkout, the PATH, then Go.
 *
 * @returns its path, or why there is none: only where Go cannot be had
 */
export async function findGoProgram(program: GoProgram): Promise<{ path: string } | { none: string }> {
  const { name, release, setting, probe } = program
  const cached = join(cacheDir, name)
  const chosen = process.env[setting]
  for (const path of chosen ? [chosen] : [cached, name]) if (await runs(path, probe)) return { path }
  if (chosen) throw new Error(`${setting} is ${chosen}, which does not run`)
  const go = await findGo()
  if (!go) return { none: `there is no ${name}, and no Go to build one with` }
  await mkdir(cacheDir, { recursive: true })
  const scratch = await mkdtemp(join(cacheDir, 'install-'))
  try {
    await run(go, ['install', release], { timeout: buildTimeoutMs, env: { ...process.env, GOBIN: scratch } })
    await rename(join(scratch, name), cached)
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
