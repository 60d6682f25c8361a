import { execFile, spawn } from 'node:child_process'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '@countersign/config'
import type { Cleanup } from './test-bus.ts'
import { until } from './until.ts'

const run = promisify(execFile)

/** A Postgres server of a test's own. */
export interface TestPostgres {
  /** Without a password. */
  url: string
  password: string
  passwordFile: string
  /** Ends it as a crash does; it can be started again. */
  kill(): Promise<void>
  start(): Promise<void>
}

const user = 'countersign'
const password = 'test-password'

/** Starts a real Postgres on a free port with an empty database; it goes away with the test. It does not sync. */
export async function startPostgres(t: Cleanup, bin: string): Promise<TestPostgres> {
  const root = await mkdtemp(join(tmpdir(), 'countersign-postgres-'))
  const passwordFile = join(root, 'password')
  await writeFile(passwordFile, password)
  // Postgres refuses to run as root.
  const as = process.getuid?.() === 0 ? await unprivileged() : undefined
  if (as) for (const path of [root, passwordFile]) await chown(path, as.uid, as.gid)
  await chmod(root, 0o700)
  const data = join(root, 'data')
  const identity = as ? { uid: as.uid, gid: as.gid } : {}
  const initArguments = ['-D', data, '-U', user, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-N', '-E', 'UTF8']
  await run(join(bin, 'initdb'), [...initArguments, '--locale=C'], { cwd: root, ...identity })
  const port = await freePort()
  let server: ReturnType<typeof spawn> | undefined
  let output = ''
  const start = async () => {
    const settings = ['fsync=off', 'listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${root}`]
    const child = spawn(
      join(bin, 'postgres'),
      ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
      // A group of its own, so that its processes end with it.
      { cwd: root, ...identity, stdio: ['ignore', 'ignore', 'pipe'], detached: true },
    )
    server = child
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4000)))
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`Postgres ended:\n${output}`)
      return run(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)]).then(
        () => true,
        () => false,
      )
    }, 'Postgres answers')
  }
  const kill = async () => {
    const child = server
    server = undefined
    if (!child?.pid || child.exitCode !== null) return
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    process.kill(-child.pid, 'SIGKILL')
    await exited
  }
  t.after(async () => {
    await kill()
    await rm(root, { recursive: true, force: true })
  })
  await start()
  return { url: `postgres://${user}@127.0.0.1:${port}/postgres`, password, passwordFile, kill, start }
}

async function unprivileged(): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => {
      const { stdout } = await run('id', [flag, 'postgres']).catch(() => run('id', [flag, 'nobody']))
      return Number(stdout)
    }),
  )
  return { uid: uid!, gid: gid! }
}
