import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const cache = fileURLToPath(new URL('../../../node_modules/.cache/countersign/compare/', import.meta.url))
const patienceMs = 1_800_000

/** Where a release is installed; its name says which it is, so that another version is another folder. */
export const placeOf = (release: string) => join(cache, release)

/** Runs one command of an installation. */
export type RunStep = (command: string, args: string[], env?: Record<string, string>) => Promise<unknown>

/**
 * Installs a release, unless that was done to its end before.
 *
 * @throws Error with what the command said that failed
 */
export async function installOnce(
  release: string,
  say: (line: string) => void,
  install: (place: string, run: RunStep) => Promise<unknown>,
): Promise<void> {
  const place = placeOf(release)
  const stamp = join(place, 'installed')
  if (existsSync(stamp)) return
  say(`installing ${release} (once; this takes minutes)`)
  rmSync(place, { recursive: true, force: true })
  mkdirSync(place, { recursive: true })
  await install(place, async (command, args, env = {}) => {
    const options = { timeout: patienceMs, maxBuffer: 2 ** 26, env: { ...process.env, ...env } }
    await promisify(execFile)(command, args, options).catch((error: Error & { stderr?: string }) => {
      const said = error.stderr?.trim().split('\n').slice(-3).join(' ') || error.message
      throw new Error(`${command} ${args.slice(0, 2).join(' ')} failed: ${said.slice(-600)}`, { cause: error })
    })
  })
  writeFileSync(stamp, '')
}
