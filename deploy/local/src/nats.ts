import { execFileSync } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { provision } from '@countersign/bus'
import { BatchMemory, findNatsServer, type NatsServer, startNatsServer } from '@countersign/bus/server'
import type { State } from './state.ts'
import { stopProcess, type Supervised } from './supervise.ts'
import { StoreWatch } from './watch-store.ts'

/** Runs the embedded nats-server, starts it again when it dies, and makes the streams. */
export async function superviseNats(
  state: State,
  port: number,
  say: (message: string) => void,
  onDeath: (detail: string) => void,
): Promise<Supervised & { url: string }> {
  const binary = await findNatsServer(say)
  const { layout, passwords } = state
  const url = `nats://127.0.0.1:${port}`
  let server: NatsServer
  let stopping = false
  let restart: NodeJS.Timeout | undefined
  let starting: Promise<void> | undefined
  const store = new StoreWatch({ dir: layout.nats, say: onDeath, restart: () => void stopProcess(server.process) })
  const begin = async () => {
    server = await startNatsServer({ binary, dir: layout.nats, port, passwords })
    store.follow(server.process.stderr)
    await writeFile(pidFile(layout.nats), String(server.process.pid))
    server.process.once('exit', (code, signal) => {
      if (stopping) return
      onDeath(`nats-server ended with ${signal ?? `exit code ${code}`}; starting it again`)
      againAfter(200)
    })
  }
  // Each time: a stream that did not survive is made again, and what audit published on it is published again.
  const setUp = () => provision({ url, user: 'provisioner', password: passwords.provisioner })
  const again = async (): Promise<void> => {
    try {
      await (starting = begin())
    } catch (error) {
      onDeath(`nats-server does not start: ${(error as Error).message}`)
      againAfter(1000)
      return
    }
    if (stopping) return
    await setUp().catch((error: unknown) => {
      if (!stopping) onDeath(`the streams could not be set up: ${(error as Error).message}`)
    })
  }
  const againAfter = (ms: number) => {
    restart = setTimeout(() => {
      if (!stopping) void again()
    }, ms)
  }
  await begin()
  const memory = new BatchMemory({ storeDir: server!.storeDir, say: onDeath })
  const stop = async () => {
    stopping = true
    clearTimeout(restart)
    store.stop()
    // One that is just being started would be left behind.
    await starting?.catch(() => {})
    await stopProcess(server.process)
    await memory.stop()
    await rm(pidFile(layout.nats), { force: true })
  }
  try {
    await setUp()
  } catch (error) {
    await stop()
    throw error
  }
  await memory.start()
  return { name: 'nats-server', url, pid: () => server.process.pid, stop }
}

/** Ends a nats-server that an earlier launcher left behind when it was killed. */
export async function stopLeftoverNats(dir: string): Promise<void> {
  const pid = Number(await readFile(pidFile(dir), 'utf8').catch(() => ''))
  if (!pid || !commandOf(pid).includes(join(dir, 'nats-server.conf'))) return
  process.kill(pid, 'SIGTERM')
  for (let waited = 0; commandOf(pid) !== '' && waited < 10_000; waited += 50)
    await new Promise((resolve) => setTimeout(resolve, 50))
}

const pidFile = (dir: string) => join(dir, 'nats-server.pid')

/** The command line of a process; empty when there is none. */
export function commandOf(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  } catch {
    return ''
  }
}
