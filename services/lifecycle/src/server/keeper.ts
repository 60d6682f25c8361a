import {
  CountersignError,
  digestOf,
  type JsonObject,
  type LifecycleEvent,
  type McpServerDocument,
  type ServerEntry,
  type ToolEntry,
} from '@countersign/contracts'
import type { Logger } from '@countersign/telemetry'
import type { EntryWriter } from '../registry/entry-writer.ts'
import type { EventLog } from '../registry/event-log.ts'
import type { KnownServer } from '../registry/load-registry.ts'
import { makeEntry, sameEntry, type Seen } from '../registry/make-entry.ts'
import type { LocalRuntime, Workload } from '../runtime/local.ts'
import { acceptOffered } from './accept.ts'
import type { DefinitionChecks } from './check-definition.ts'
import type { Wish } from './desired.ts'
import type { Identity } from './document.ts'
import { pin } from './pin.ts'
import type { ProbeOutcome } from './probe.ts'
import type { ProbePace } from './probe-pace.ts'
import { Prober } from './prober.ts'
import type { Phase, Verification } from './status.ts'

const firstBackoffMs = 250
const lastBackoffMs = 30_000
/** A server that ran this long starts over with the shortest pause. */
const settledMs = 60_000
/** An entry of which nothing but the time of the probe changed is written this often. */
const refreshMs = 60_000

export interface KeeperOptions {
  name: string
  known: KnownServer | undefined
  runtime: LocalRuntime
  writer: EntryWriter
  events: EventLog
  checks: DefinitionChecks
  log: Logger
  probePace: ProbePace
  /** Whose log has what is said of a server of which nothing tells the tenant. */
  platformTenant: string
}

const notVerified: Verification = { is: 'unknown', message: 'no handshake yet' }

/**
 * Keeps one server as its document wants it, and its entries in the registry true. One change at a time: everything that happens
 * goes through a queue, and what comes from an earlier run of the server is ignored.
 */
export class ServerKeeper {
  readonly #options: KeeperOptions
  readonly #tools: Map<string, ToolEntry>
  readonly #damaged: boolean
  #entry: ServerEntry | undefined
  #wish = ''
  #identity: Identity | undefined
  #running: { digest: string; spec: McpServerDocument['spec'] } | undefined
  #problem: string | undefined
  #phase: Phase = { is: 'stopped', message: 'not started yet' }
  #verification = notVerified
  #seen: Seen
  #lastProbeAt: string | undefined
  #workload: Workload | undefined
  #prober: Prober | undefined
  #run = 0
  #startedAt = 0
  #backoffMs = firstBackoffMs
  #restarts: number
  #restartTimer: NodeJS.Timeout | undefined
  #giveUp = new AbortController()
  #queue: Promise<unknown> = Promise.resolve()

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#tools = options.known?.tools ?? new Map<string, ToolEntry>()
    this.#damaged = options.known?.damaged ?? false
    this.#entry = options.known?.entry
    this.#restarts = this.#entry?.restarts ?? 0
    this.#seen = pickSeen(this.#entry ?? {})
    // What somebody else runs went on without us: it stays callable until a probe or its document says otherwise.
    const { source, address } = this.#entry ?? {}
    if (source === 'Url' && address) this.#seen = { ...this.#seen, address }
  }

  /** Makes the server what its document wants; does nothing when that is what it was told before. */
  apply(wish: Wish): void {
    const identity = wish.kind === 'run' ? wish.server.identity : wish.identity
    const mark = JSON.stringify([wish.kind, identity, wish.problem])
    if (mark === this.#wish) return
    this.#wish = mark
    void this.#enqueue(async () => {
      const changed = this.#entry?.documentDigest !== identity.documentDigest
      this.#identity = identity
      this.#problem = wish.problem
      // The address may be that of a document which changed while lifecycle was away.
      if (changed && this.#running === undefined) this.#forgetAddress()
      if (wish.kind === 'refused') await this.#refuse()
      else {
        if (changed) this.#tell('accepted', 'the document is valid and taken up')
        await this.#follow(wish.server.document)
      }
    })
  }

  /** Stops the server and takes it out of the registry. */
  async remove(): Promise<void> {
    this.#giveUp.abort()
    await this.#enqueue(async () => {
      await this.#halt('its document was removed')
      this.#options.writer.removeAll(this.#tools.keys())
      await this.#options.writer.flushed()
      this.#tell('removed', 'the server and its pins were taken out of the registry')
    })
  }

  /** Stops the server because lifecycle stops; its entries stay and say so. */
  async shutDown(): Promise<void> {
    this.#giveUp.abort()
    await this.#enqueue(async () => {
      if (this.#running === undefined) return
      await this.#halt('lifecycle stopped')
      // What somebody else runs goes on without us.
      if (this.#identity?.source === 'Command') this.#publish()
      await this.#options.writer.flushed()
    })
  }

  /**
   * Accepts a changed definition; resolves when that is in the registry.
   *
   * @throws CountersignError `not_found`, `digest_mismatch`
   */
  async accept(tool: string, digest: string, by: { id: string; tenant: string }): Promise<void> {
    await this.#enqueue(async () => {
      const entry = this.#tools.get(tool)
      if (this.#identity?.tenant !== by.tenant || !entry)
        throw new CountersignError('not_found', 'there is no such tool')
      const accepted = acceptOffered(entry, digest, by.id, now())
      if (accepted) {
        this.#setTools([accepted])
        this.#tell('tool_accepted', `the definition ${digest} is pinned now`, { tool, by: by.id })
      }
      await this.#options.writer.flushed()
    })
  }

  /**
   * Writes all entries again.
   *
   * @param found names of the tools that the registry has now
   */
  putBack(found: Iterable<string>): void {
    const names = [...found]
    void this.#enqueue(() => {
      if (!this.#entry) return
      const removed = names.filter((name) => !this.#tools.has(name))
      this.#options.writer.put(this.#entry, [...this.#tools.values()], removed)
    })
  }

  #enqueue<T>(change: () => Promise<T> | T): Promise<T> {
    const done = this.#queue.then(change)
    this.#queue = done.catch((error: unknown) => {
      if (!(error instanceof CountersignError)) {
        this.#options.log.error({ server: this.#options.name, err: error }, 'a change of a server failed')
      }
    })
    return done
  }

  async #refuse(): Promise<void> {
    await this.#halt('its document is refused')
    this.#running = undefined
    this.#phase = { is: 'refused', message: 'the document must be fixed before the server can start' }
    this.#publish()
  }

  async #follow({ spec }: McpServerDocument): Promise<void> {
    const digest = digestOf({ source: spec.source, config: spec.config } as unknown as JsonObject)
    if (this.#running?.digest === digest) return this.#publish()
    if (this.#running !== undefined) await this.#halt('its document changed')
    this.#running = { digest, spec }
    this.#backoffMs = firstBackoffMs
    await this.#launch()
  }

  async #launch(): Promise<void> {
    this.#restartTimer = undefined
    const { name, runtime } = this.#options
    const run = ++this.#run
    const { spec } = this.#running!
    this.#phase = { is: 'starting', message: 'the server is being started' }
    this.#publish()
    this.#startedAt = performance.now()
    try {
      this.#workload = await runtime.start(name, spec, this.#giveUp.signal)
    } catch (error) {
      return this.#giveUp.signal.aborted ? undefined : this.#down((error as Error).message)
    }
    const { target, pid, exited, outdated } = this.#workload
    const own = pid !== undefined
    this.#phase = {
      is: 'starting',
      message: own ? 'the process runs; waiting for it to answer' : 'waiting for it to answer',
    }
    if (own) this.#tell('started', `the process ${pid} was started for ${target.address.url}`)
    this.#publish()
    const ifCurrent = (change: () => Promise<void> | void) =>
      void this.#enqueue(() => (run === this.#run ? change() : undefined))
    void exited.then((reason) => ifCurrent(() => this.#down(reason)))
    void outdated?.then((names) => ifCurrent(() => this.#renew(names)))
    this.#prober = new Prober({
      target: {
        server: this.#options.name,
        ...target,
        maxResultBytes: spec.limits.maxResultBytes,
        pinned: () => this.#pinnedNames(),
        checks: this.#options.checks,
      },
      pace: this.#options.probePace,
      onOutcome: (outcome, starting) => ifCurrent(() => this.#probed(outcome, starting)),
    })
  }

  /** The server ended, or could not be started: it is started again, after longer and longer pauses. */
  #down(reason: string): void {
    this.#letGo()
    const pauseMs = this.#nextPauseMs()
    this.#restarts += 1
    this.#phase = {
      is: 'down',
      message: `${reason}; it is started again after ${pauseMs} ms (restart ${this.#restarts})`,
    }
    this.#publish()
    this.#tell('crashed', this.#phase.message)
    this.#launchAfter(pauseMs)
  }

  /** The server was given a secret that is another by now: it is started again with the new one. */
  async #renew(names: readonly string[]): Promise<void> {
    const pauseMs = this.#nextPauseMs()
    await this.#halt(`what is secret in ${names.join(', ')} changed; it is started again with that after ${pauseMs} ms`)
    this.#launchAfter(pauseMs)
  }

  /** Longer and longer, unless the server ran for a while. */
  #nextPauseMs(): number {
    if (performance.now() - this.#startedAt >= settledMs) this.#backoffMs = firstBackoffMs
    const pauseMs = this.#backoffMs
    this.#backoffMs = Math.min(lastBackoffMs, pauseMs * 2)
    return pauseMs
  }

  #launchAfter(pauseMs: number): void {
    const run = this.#run
    this.#restartTimer = setTimeout(() => {
      void this.#enqueue(() => (run === this.#run ? this.#launch() : undefined))
    }, pauseMs)
  }

  async #halt(why: string): Promise<void> {
    const workload = this.#workload
    clearTimeout(this.#restartTimer)
    this.#restartTimer = undefined
    this.#letGo()
    this.#phase = { is: 'stopped', message: why }
    if (workload?.pid === undefined) return
    this.#publish()
    await workload.stop()
    this.#tell('stopped', why)
  }

  /** Ends a run: nothing that comes from it counts any more. */
  #letGo(): void {
    this.#run += 1
    this.#prober?.stop()
    this.#prober = undefined
    this.#workload = undefined
    this.#forgetAddress()
  }

  /** Where nobody answers nothing is known: what answers there later may be something else, so it is looked at first (I13). */
  #forgetAddress(): void {
    this.#verification = notVerified
    const { address: _gone, ...rest } = this.#seen
    this.#seen = rest
  }

  #probed(outcome: ProbeOutcome, starting: boolean): void {
    this.#lastProbeAt = now()
    switch (outcome.kind) {
      case 'unreachable':
        // Until it was there once, not being there yet is part of starting.
        if (starting) this.#phase = { is: 'starting', message: `waiting for it to answer: ${outcome.message}` }
        else {
          this.#phase = { is: 'unreachable', message: outcome.message }
          this.#forgetAddress()
        }
        return this.#publish()
      case 'failed':
        this.#phase = { is: 'running', message: 'the server runs and takes connections' }
        this.#verification = { is: 'failed', message: outcome.message }
        return this.#publish()
      case 'verified':
        return this.#verified(outcome)
    }
  }

  #verified({ hello, inventory }: Extract<ProbeOutcome, { kind: 'verified' }>): void {
    const { name } = this.#options
    const { protocolVersion, serverInfo } = hello
    const firstSight = this.#entry?.era === undefined && !this.#damaged
    const pins = pin(name, this.#tools, inventory, { firstSight, at: now(), by: 'lifecycle' })
    const wasVerified = this.#verification.is === 'verified'
    this.#seen = { ...pickSeen({ ...hello, leftOut: inventory.leftOut }), address: this.#workload!.target.address }
    this.#phase = { is: 'running', message: 'the server runs and takes connections' }
    const found = `${serverInfo.name} ${serverInfo.version} speaks ${protocolVersion} and offers ${inventory.tools.size} tools`
    this.#verification = {
      is: 'verified',
      message: inventory.leftOut === undefined ? found : `${found}; left out: ${inventory.leftOut}`,
    }
    this.#setTools(pins.changed, pins.removed)
    if (!wasVerified) this.#tell('verified', this.#verification.message)
    if (pins.pinned > 0) this.#tell('tools_pinned', `${pins.pinned} tools were pinned on first sight`)
    for (const { tool, message, changes } of pins.news)
      this.#tell('tool_changed', message, { tool, ...(changes ? { changes } : {}) })
  }

  #pinnedNames(): ReadonlySet<string> {
    return new Set([...this.#tools.values()].filter(({ pinned }) => pinned !== undefined).map(({ name }) => name))
  }

  #setTools(changed: readonly ToolEntry[], removed: readonly string[] = []): void {
    for (const tool of changed) this.#tools.set(tool.name, tool)
    for (const tool of removed) this.#tools.delete(tool)
    this.#publish(changed, removed)
  }

  /** Writes the entries, if anything about them changed. */
  #publish(changed: readonly ToolEntry[] = [], removed: readonly string[] = []): void {
    if (!this.#identity) return
    const at = now()
    const before = this.#entry
    const entry = makeEntry(
      {
        identity: this.#identity,
        problem: this.#problem,
        phase: this.#phase,
        verification: this.#verification,
        seen: this.#seen,
        tools: this.#tools,
        restarts: this.#restarts,
        pid: this.#workload?.pid,
        lastProbeAt: this.#lastProbeAt,
      },
      before,
      at,
    )
    const fresh = before !== undefined && Date.parse(at) - Date.parse(before.updatedAt) < refreshMs
    if (fresh && changed.length + removed.length === 0 && sameEntry(before, entry)) return
    this.#entry = entry
    this.#options.writer.put(entry, changed, removed)
  }

  #tell(
    event: LifecycleEvent['event'],
    message: string,
    more: Partial<Pick<LifecycleEvent, 'tool' | 'changes' | 'by'>> = {},
  ): void {
    const tenant = this.#identity?.tenant ?? this.#entry?.tenant ?? this.#options.platformTenant
    this.#options.events.record({ event, tenant, server: this.#options.name, message, ...more })
  }
}

function pickSeen({ era, protocolVersion, serverInfo, instructions, leftOut }: Seen): Seen {
  return {
    ...(era === undefined ? {} : { era }),
    ...(protocolVersion === undefined ? {} : { protocolVersion }),
    ...(serverInfo === undefined ? {} : { serverInfo }),
    ...(instructions === undefined ? {} : { instructions }),
    ...(leftOut === undefined ? {} : { leftOut }),
  }
}

function now(): string {
  return new Date().toISOString()
}
