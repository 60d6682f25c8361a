import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { resolve } from 'node:path'
import type { McpServerDocument } from '@countersign/contracts'
import { KnownSecrets, redactText } from '@countersign/mcp'
import { stdioBridgePath } from '@countersign/mcp/bridge'
import type { Logger } from '@countersign/telemetry'
import type { ProbeTarget } from '../server/probe.ts'
import { credentialsOf } from './credentials-of.ts'
import { type Environment, readEnvironment } from './environment.ts'
import { lastWords } from './last-words.ts'
import { endLeftovers, forgetProcess, noteProcess } from './leftovers.ts'
import { SecretFiles } from './secret-files.ts'
import { SecretWatch } from './secret-watch.ts'
import { type RunningProcess, startProcess } from './start-process.ts'

/** How long a bridge may take to listen. */
const bridgeStartMs = 20_000
/** Longer than the bridge gives the server to answer and to end. */
const bridgeKillAfterMs = 6000
const commandKillAfterMs = 3000
const keptLines = 20
const keptLineLength = 500

/** A server that runs, wherever that is. */
export interface Workload {
  target: Omit<ProbeTarget, 'server' | 'maxResultBytes' | 'pinned' | 'checks'>
  pid?: number
  /** Resolves with how it ended and what it wrote of that; never for a server that somebody else runs. */
  exited: Promise<string>
  /** Resolves with the variables whose secret is another by now than this run was given. */
  outdated?: Promise<string[]>
  stop(): Promise<void>
}

type Spec = McpServerDocument['spec']
type Command = Extract<Spec['source'], { type: 'Command' }>['command']

/** Runs servers as processes on this machine. */
export class LocalRuntime {
  readonly #options: { runDir: string; serversDir: string; childEnv: Record<string, string>; log: Logger }
  readonly #running = new Set<RunningProcess>()
  readonly #secretFiles: SecretFiles

  constructor(options: { runDir: string; serversDir: string; childEnv: Record<string, string>; log: Logger }) {
    this.#options = options
    this.#secretFiles = new SecretFiles(options.runDir)
  }

  /** Makes the folder for secrets, ends what an earlier lifecycle left running and removes what it was given. */
  async prepare(): Promise<void> {
    await mkdir(this.#options.runDir, { recursive: true, mode: 0o700 })
    await endLeftovers(this.#options.runDir, this.#options.log)
    await this.#secretFiles.removeAll()
  }

  /**
   * Starts a server.
   *
   * @param signal aborting gives the start up
   * @throws Error saying why it could not be started
   */
  async start(name: string, spec: Spec, signal: AbortSignal): Promise<Workload> {
    const { source, config } = spec
    const credentials = credentialsOf(spec)
    const named = credentials.length === 0 ? {} : { credentials }
    switch (source.type) {
      case 'Url':
        return {
          target: { address: { ...source.url, ...named } },
          exited: new Promise(() => {}),
          stop: async () => {},
        }
      case 'Command':
        try {
          const { target, ...rest } = await this.#startOwn(name, source.command, config, signal)
          return { ...rest, target: { ...target, address: { ...target.address, ...named } } }
        } catch (error) {
          await this.#secretFiles.remove(name)
          throw error
        }
      case 'ContainerImage':
        throw new Error('a ContainerImage needs Kubernetes')
    }
  }

  /** Kills everything at once, for a process that is ending without grace. */
  killAll(): void {
    for (const running of this.#running) running.kill()
  }

  async #startOwn(name: string, command: Command, config: Spec['config'], signal: AbortSignal): Promise<Workload> {
    const environment = await readEnvironment(config.env, this.#options.serversDir)
    const secretsFile = await this.#tellSecrets(name, environment.secrets)
    const workload =
      command.transport === 'stdio'
        ? await this.#startBridge(name, command, config, environment, signal)
        : await this.#startCommand(name, command, config, environment)
    const { target, exited } = workload
    const outdated = Promise.withResolvers<string[]>()
    const watch = new SecretWatch({
      ...{ env: config.env, given: environment.variables, folder: this.#options.serversDir },
      onChange: outdated.resolve,
    })
    watch.start()
    void exited.then(() => watch.stop())
    return {
      ...workload,
      target: { ...target, address: { ...target.address, ...secretsFile } },
      outdated: outdated.promise,
    }
  }

  async #startBridge(
    name: string,
    { run, cwd }: Command,
    config: Spec['config'],
    environment: Environment,
    signal: AbortSignal,
  ): Promise<Workload> {
    const { serversDir, childEnv } = this.#options
    const tokenFile = await this.#secretFiles.write(name, '.token', randomBytes(32).toString('hex'))
    const environmentFile = await this.#secretFiles.write(name, '.env.json', JSON.stringify(environment.variables))
    const listening = Promise.withResolvers<number>()
    let ended: string | undefined
    const options = [
      '--port',
      '0',
      '--stop-on-stdin-close',
      '--token-file',
      tokenFile,
      '--environment-file',
      environmentFile,
    ]
    if (cwd !== undefined) options.push('--cwd', resolve(serversDir, cwd))
    const bridge = await this.#start(
      name,
      {
        program: process.execPath,
        args: [stdioBridgePath, ...options, '--', ...run, ...config.arguments],
        env: childEnv,
        stdin: 'pipe',
        asks: 'leader',
        killAfterMs: bridgeKillAfterMs,
        onLine(line) {
          const said = readBridgeLine(line)
          if (said?.listening !== undefined) listening.resolve(said.listening)
          ended ??= said?.ended
        },
      },
      environment,
    )
    const exited = bridge.exited.then(
      (reason) => (ended ?? `the stdio bridge is gone: ${reason}`) + lastWords(bridge.errors.flatMap(serverLine)),
    )
    const giveUp = AbortSignal.any([signal, AbortSignal.timeout(bridgeStartMs)])
    const abandon = () => listening.reject(new Error('the stdio bridge did not listen in time'))
    giveUp.addEventListener('abort', abandon, { once: true })
    if (giveUp.aborted) abandon()
    void exited.then((reason) => listening.reject(new Error(reason)))
    try {
      const url = `http://127.0.0.1:${await listening.promise}/mcp`
      return {
        target: { address: { url, tokenFile }, era: '2025-11-25' },
        pid: bridge.pid,
        exited,
        stop: () => bridge.stop(),
      }
    } catch (error) {
      await bridge.stop()
      throw error
    } finally {
      giveUp.removeEventListener('abort', abandon)
    }
  }

  async #startCommand(
    name: string,
    { run, cwd }: Command,
    { port, path, arguments: more }: Spec['config'],
    environment: Environment,
  ): Promise<Workload> {
    if (port === undefined) throw new Error('config.port is missing')
    // Else a probe would take whoever has the port for this server.
    if (await isTaken(port))
      throw new Error(`port ${port} is in use by another program; end it or choose another config.port`)
    const [program, ...args] = run
    const command = await this.#start(
      name,
      {
        program: program!,
        args: [...args, ...more],
        env: { ...this.#options.childEnv, ...environment.variables },
        stdin: 'ignore',
        asks: 'group',
        killAfterMs: commandKillAfterMs,
        onLine() {},
        ...(cwd === undefined ? {} : { cwd: resolve(this.#options.serversDir, cwd) }),
      },
      environment,
    )
    const target = { address: { url: `http://127.0.0.1:${port}${path}` } }
    const exited = command.exited.then((reason) => reason + lastWords(command.errors))
    return { target, pid: command.pid, exited, stop: () => command.stop() }
  }

  async #start(
    name: string,
    options: Parameters<typeof startProcess>[0],
    { variables }: Environment,
  ): Promise<RunningProcess & { errors: readonly string[] }> {
    const { log, runDir } = this.#options
    // What a document gives a server is not ours to log (I9): settings as little as secrets.
    const secrets = new KnownSecrets()
    secrets.take(Object.values(variables))
    const last: string[] = []
    const errors: string[] = []
    let stopping = false
    const running = await startProcess({
      ...options,
      onLine(line, stream) {
        const short = redactText(line, secrets.list).slice(0, keptLineLength).toWellFormed()
        log.debug({ server: name, stream }, short)
        for (const kept of stream === 'stderr' ? [last, errors] : [last]) {
          kept.push(short)
          if (kept.length > keptLines) kept.shift()
        }
        if (stream === 'stdout') options.onLine(line, stream)
      },
    })
    this.#running.add(running)
    await noteProcess(runDir, name, running.pid)
    const exited = running.exited.then(async (reason) => {
      this.#running.delete(running)
      if (!stopping) log.warn({ server: name, reason, last }, 'the process of a server is gone')
      await Promise.all([forgetProcess(runDir, name), this.#secretFiles.remove(name)])
      return reason
    })
    return {
      ...running,
      exited,
      errors,
      async stop() {
        stopping = true
        await running.stop()
        await exited
      },
    }
  }

  /** Tells whoever calls the server, by a file, what it is given and must not answer; before it can answer anything. */
  async #tellSecrets(name: string, secrets: string[]): Promise<{ secretsFile?: string }> {
    if (secrets.length === 0) return {}
    return { secretsFile: await this.#secretFiles.write(name, '.secrets.json', JSON.stringify(secrets)) }
  }
}

/** Of what a bridge writes to standard error, a line of the server behind it. */
function serverLine(line: string): string[] {
  const [, said] = /^countersign-stdio-bridge: server: (.*)$/.exec(line) ?? []
  return said === undefined ? [] : [said]
}

function readBridgeLine(line: string): { listening?: number; ended?: string } | undefined {
  try {
    return JSON.parse(line) as { listening?: number; ended?: string }
  } catch {
    return undefined
  }
}

async function isTaken(port: number): Promise<boolean> {
  const { promise, resolve: settle } = Promise.withResolvers<boolean>()
  const socket = connect({ host: '127.0.0.1', port })
  socket.once('connect', () => settle(true)).once('error', () => settle(false))
  const taken = await promise
  socket.destroy()
  return taken
}
