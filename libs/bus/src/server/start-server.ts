import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type BusUser, busUsers } from '@countersign/contracts'
import { natsServerConfig } from './server-config.ts'

/** A nats-server started by us. */
export interface NatsServer {
  url: string
  port: number
  /** What it calls `store_dir`. */
  storeDir: string
  passwords: Record<BusUser, string>
  process: ChildProcess
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** New random passwords for every user. */
export function newPasswords(): Record<BusUser, string> {
  return Object.fromEntries(busUsers.map((user) => [user, randomBytes(24).toString('base64url')])) as Record<
    BusUser,
    string
  >
}

/**
 * Starts a nats-server with its state in `dir` and waits until it accepts connections.
 *
 * @param options.port -1 takes a free one
 * @throws Error with the server's last output when it does not come up
 */
export async function startNatsServer(options: {
  binary: string
  dir: string
  port: number
  passwords?: Record<BusUser, string>
}): Promise<NatsServer> {
  const passwords = options.passwords ?? newPasswords()
  await mkdir(options.dir, { recursive: true, mode: 0o700 })
  const config = join(options.dir, 'nats-server.conf')
  const storeDir = join(options.dir, 'store')
  await writeFile(
    config,
    natsServerConfig({
      name: 'countersign',
      host: '127.0.0.1',
      port: options.port,
      storeDir,
      passwords,
      ...(options.port === -1 ? { portsDir: options.dir } : {}),
    }),
    { mode: 0o600 },
  )
  await chmod(config, 0o600)
  const child = spawn(options.binary, ['--config', config], { stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  let output = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-8000)))
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()))
  const port = await untilListening(options, child, () => output)
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    storeDir,
    passwords,
    process: child,
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      await exited
    },
  }
}

async function untilListening(
  options: { dir: string; port: number },
  child: ChildProcess,
  output: () => string,
): Promise<number> {
  const portsFile = join(options.dir, `nats-server_${child.pid}.ports`)
  const deadline = Date.now() + 15_000
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.pid === undefined) {
      throw new Error(`nats-server did not start:\n${lastErrors(output())}`)
    }
    if (options.port === -1) {
      const ports = await readFile(portsFile, 'utf8').catch(() => '')
      const port = /:(\d+)"/.exec(ports)?.[1]
      if (port) {
        await rm(portsFile, { force: true })
        return Number(port)
      }
    } else if (output().includes('Server is ready') && (await accepts(options.port))) return options.port
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  child.kill('SIGKILL')
  throw new Error(`nats-server did not come up within 15 s:\n${lastErrors(output())}`)
}

function lastErrors(output: string): string {
  const lines = output.trim().split('\n')
  const errors = lines.filter((line) => /\[(ERR|FTL)\]|nats-server:/.test(line))
  return (errors.length > 0 ? errors : lines).slice(-5).join('\n')
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
