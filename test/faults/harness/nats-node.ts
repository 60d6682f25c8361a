import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { constants, mkdir, open, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { BatchMemory, type ClusterSection, findNatsServer, natsServerConfig } from '@countersign/bus/server'
import type { BusUser } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { buildNatsServerWithClock } from './clock-program.ts'

/** One nats-server. */
export interface NatsNodeOptions {
  name: string
  /** Its configuration and store. */
  dir: string
  port: number
  passwords: Record<BusUser, string>
  logFile: string
  cluster?: ClusterSection
  /** nats-server syncs when it likes, as it does by default. */
  defaultSync?: boolean
  /** Its clock can be set wrong. */
  settableClock?: boolean
}

/** A nats-server that can be killed, lose its disk, and be started again. */
export class NatsNode {
  readonly name: string
  readonly port: number
  readonly #options: NatsNodeOptions
  readonly #storeDir: string
  readonly #clockFile: string
  /** Where it gathers batches, as the launcher has it; used only once it is started. */
  readonly batchMemory: BatchMemory
  #child: ChildProcess | undefined

  constructor(options: NatsNodeOptions) {
    this.name = options.name
    this.port = options.port
    this.#options = options
    this.#storeDir = join(options.dir, 'store')
    this.#clockFile = join(options.dir, 'clock')
    this.batchMemory = new BatchMemory({ storeDir: this.#storeDir, say: () => {} })
  }

  /** Starts it, and resolves when it takes connections. */
  async start(): Promise<void> {
    const { name, dir, port, passwords, logFile, cluster, defaultSync, settableClock } = this.#options
    await mkdir(dir, { recursive: true, mode: 0o700 })
    if (settableClock) await this.clock(0)
    const config = JSON.parse(
      natsServerConfig({
        name,
        host: '127.0.0.1',
        port,
        storeDir: this.#storeDir,
        passwords,
        ...(cluster ? { cluster } : {}),
      }),
    ) as { jetstream: { sync_interval?: string } }
    if (defaultSync) delete config.jetstream.sync_interval
    const file = join(dir, 'nats-server.conf')
    await writeFile(file, JSON.stringify(config), { mode: 0o600 })
    const log = openSync(logFile, 'a')
    const binary = settableClock ? await buildNatsServerWithClock() : await findNatsServer()
    const env = { ...process.env, COUNTERSIGN_CLOCK: this.#clockFile }
    const child = spawn(binary, ['--config', file], { stdio: ['ignore', log, log], detached: true, env })
    this.#child = child
    await until(
      () => {
        if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}; see ${logFile}`)
        return accepts(port)
      },
      `${name} takes connections`,
      30_000,
    )
  }

  /** Ends it; resolves when it is gone. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'exit')
  }

  /** Stops it in its tracks for a while; its connections stay. */
  async pause(forMs: number): Promise<void> {
    this.#child?.kill('SIGSTOP')
    await new Promise((resolve) => setTimeout(resolve, forMs))
    this.#child?.kill('SIGCONT')
  }

  /** Sets its clock wrong by so much, in whole seconds. */
  async clock(clockMs: number): Promise<void> {
    const seconds = Buffer.alloc(8)
    seconds.writeBigInt64LE(BigInt(clockMs / 1000))
    // In its place: the server has the file in its memory.
    const file = await open(this.#clockFile, constants.O_CREAT | constants.O_WRONLY)
    await file.write(seconds, 0, seconds.length, 0)
    await file.close()
  }

  /** Removes everything it has stored; it must not be running. */
  async loseDisk(): Promise<void> {
    await rm(this.#options.dir, { recursive: true })
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    // It says hello first, once it is ready.
    socket.once('data', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
