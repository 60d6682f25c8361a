import { execFile, spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { buildOnce } from './build-once.ts'

const run = promisify(execFile)
const source = fileURLToPath(new URL('../clock/wrong_clock.go', import.meta.url))
/** The release that is run elsewhere. */
const release = 'github.com/nats-io/nats-server/v2@v2.15.1'
/** The Go that the release names for itself, whichever is on the machine; Go fetches it where it is another. */
const env = { ...process.env, GOTOOLCHAIN: 'go1.26.8' }
const [itsNow, renamed] = ['\nfunc Now() Time {', '\nfunc trueNow() Time {']
/** All of Go's library is compiled anew, too. */
const buildTimeoutMs = 900_000

/** Why no nats-server can be had whose clock can be wrong; false when one can, so that a test may say `skip: noWrongClock()`. */
export function noWrongClock(): string | false {
  if (process.platform !== 'linux') return 'only Linux has it'
  if (spawnSync('go', ['version'], { env }).status !== 0) return 'there is no Go to build nats-server with'
  const fetched = spawnSync('go', ['mod', 'download', release], { env, timeout: 300_000 }).status === 0
  return fetched ? false : 'nats-server cannot be fetched'
}

/**
 * Builds the nats-server of the release with a clock that can be set wrong, unless it was built before; resolves to its path. What is changed is
 * Go's `time.Now` (`clock/wrong_clock.go`), and nothing of nats-server.
 */
export async function buildNatsServerWithClock(): Promise<string> {
  const { stdout: goRoot } = await run('go', ['env', 'GOROOT'], { env })
  const library = join(goRoot.trim(), 'src', 'time')
  const [now, time] = [await readFile(source, 'utf8'), await readFile(join(library, 'time.go'), 'utf8')]
  if (time.split(itsNow).length !== 2) throw new Error('the clock of this Go is not where it is looked for, in time.go')
  return buildOnce('nats-server', [release, now, time], async (folder) => {
    const changed = join(folder, 'time.go')
    await writeFile(changed, time.replace(itsNow, renamed))
    const overlay = join(folder, 'overlay.json')
    const replace = { [join(library, 'time.go')]: changed, [join(library, 'wrong_clock.go')]: source }
    await writeFile(overlay, JSON.stringify({ Replace: replace }))
    const install = ['install', '-overlay', overlay, release]
    await run('go', install, { timeout: buildTimeoutMs, env: { ...env, GOBIN: folder } })
  })
}
