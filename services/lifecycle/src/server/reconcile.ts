import { CountersignError, type Principal } from '@countersign/contracts'
import type { Bucket } from '@countersign/bus'
import { operatorsGroup } from '@countersign/identity'
import type { Logger } from '@countersign/telemetry'
import { EntryWriter } from '../registry/entry-writer.ts'
import type { EventLog } from '../registry/event-log.ts'
import { type KnownServer, loadRegistry } from '../registry/load-registry.ts'
import type { RegistryStanding } from '../registry/registry-standing.ts'
import type { LocalRuntime } from '../runtime/local.ts'
import type { DefinitionChecks } from './check-definition.ts'
import { type Desired, DesiredReader, type Wish } from './desired.ts'
import type { DocumentProblem } from './document.ts'
import { ServerKeeper } from './keeper.ts'
import { ProbePace } from './probe-pace.ts'

/** Time between two looks at the documents; a file counts once two looks find it the same. */
const lookMs = { least: 250, most: 2000 }
/** Up to that, so many times as long as a look took: a thousand documents take tens of milliseconds. */
const restAfterLook = 20

export interface ReconcilerOptions {
  serversDir: string
  probeIntervalMs: number
  /** Whose log has what is said of documents that name no server. */
  platformTenant: string
  /** The registry as an earlier lifecycle left it. */
  known: Map<string, KnownServer>
  bucket: Bucket
  /** Of the registry when it was read. */
  standing: RegistryStanding
  runtime: LocalRuntime
  events: EventLog
  checks: DefinitionChecks
  log: Logger
}

/** Makes what runs follow the documents; a keeper a server does the work, so that none waits for another. */
export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #reader: DesiredReader
  readonly #pace: ProbePace
  readonly #keepers = new Map<string, ServerKeeper>()
  readonly #leaving = new Map<string, Promise<void>>()
  #told = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: ReconcilerOptions) {
    this.#options = options
    this.#reader = new DesiredReader(options.serversDir)
    this.#pace = new ProbePace(options.probeIntervalMs)
  }

  async start(): Promise<void> {
    await this.#look()
  }

  /** Stops every server that runs here. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await Promise.all([...this.#leaving.values(), ...[...this.#keepers.values()].map((keeper) => keeper.shutDown())])
  }

  /**
   * Accepts a changed definition for a person.
   *
   * @throws CountersignError `forbidden`, `not_found`, `digest_mismatch`
   */
  async accept(
    operator: Principal,
    { server, tool, digest }: { server: string; tool: string; digest: string },
  ): Promise<void> {
    if (!operator.groups.includes(operatorsGroup)) {
      throw new CountersignError(
        'forbidden',
        `only members of ${operatorsGroup} may accept changed tools; ask one of them`,
      )
    }
    const keeper = this.#keepers.get(server)
    if (!keeper) throw new CountersignError('not_found', 'there is no such server')
    await keeper.accept(tool, digest, operator)
  }

  async #look(): Promise<void> {
    // Apart from the documents, which do not wait for a store that hangs.
    void this.#putBackIfLost()
    const begunMs = performance.now()
    try {
      this.#reconcile(await this.#reader.look())
    } catch (error) {
      this.#options.log.error({ err: error }, 'the documents could not be followed; trying again')
    }
    const restMs = Math.min(lookMs.most, Math.max(lookMs.least, restAfterLook * (performance.now() - begunMs)))
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#look(), restMs)
  }

  /** Pins that were lost from the registry are put back, or the next start would pin whatever is offered then (I12, I13). */
  async #putBackIfLost(): Promise<void> {
    const { standing, bucket, known, log } = this.#options
    const putBack = async () => {
      const found = await loadRegistry(bucket, log)
      if (this.#stopped) return
      log.error('the registry was lost, or went back to an earlier state; what it should have is put back')
      for (const [name, keeper] of this.#keepers) keeper.putBack(found.get(name)?.tools.keys() ?? [])
      // What was removed since that state is removed again by the next look at the documents.
      for (const [name, server] of found)
        if (!this.#keepers.has(name) && !this.#leaving.has(name)) known.set(name, server)
    }
    await standing
      .look(putBack)
      .catch((error: unknown) => log.debug({ err: error }, 'the registry could not be looked at; trying again'))
  }

  #reconcile({ servers, problems, complete }: Desired): void {
    if (this.#stopped) return
    this.#tellProblems(problems)
    for (const [name, wish] of servers) this.#keeperOf(name)?.apply(wish)
    for (const name of new Set([...this.#keepers.keys(), ...this.#options.known.keys()])) {
      if (servers.has(name)) continue
      if (complete) this.#remove(name)
      // Its document may be the one that cannot be read: then its pins must not be lost (I13).
      else if (!this.#keepers.has(name)) this.#keepUnnamed(name)
    }
  }

  #keeperOf(name: string): ServerKeeper | undefined {
    const existing = this.#keepers.get(name)
    // A server of the same name that is still leaving has to be gone first; the next look finds it so.
    if (existing || this.#leaving.has(name)) return existing
    const { bucket, log, runtime, events, checks, platformTenant, known } = this.#options
    const writer = new EntryWriter(bucket, log, name)
    const keeper = new ServerKeeper({
      ...{ name, known: known.get(name), runtime, writer, events, checks, log, probePace: this.#pace, platformTenant },
    })
    known.delete(name)
    this.#keepers.set(name, keeper)
    return keeper
  }

  #remove(name: string): void {
    const keeper = this.#keeperOf(name)
    if (!keeper) return
    this.#keepers.delete(name)
    this.#leaving.set(
      name,
      keeper.remove().finally(() => this.#leaving.delete(name)),
    )
  }

  #keepUnnamed(name: string): void {
    const entry = this.#options.known.get(name)?.entry
    if (!entry) return
    const { tenant, source, transport, limits, documentDigest } = entry
    const wish: Wish = {
      kind: 'refused',
      identity: { name, tenant, source, transport, limits, documentDigest },
      problem: 'no document names this server, but not all documents can be read; fix them',
    }
    this.#keeperOf(name)?.apply(wish)
  }

  /** Each problem is told once, and again when it comes back. */
  #tellProblems(problems: readonly DocumentProblem[]): void {
    const now = new Set<string>()
    for (const { file, line, column, message, server } of problems) {
      const text = `${file}:${line}:${column}: ${message}`
      now.add(text)
      if (this.#told.has(text)) continue
      this.#options.log.warn({ file, line, column }, `a document is refused: ${message}`)
      this.#options.events.record({
        event: 'refused',
        tenant: this.#options.platformTenant,
        server: server ?? labelOf(file),
        message: text,
      })
    }
    this.#told = now
  }
}

/** A name for a document that names no server: its file's. */
function labelOf(file: string): string {
  const label = file
    .toLowerCase()
    .replace(/\.ya?ml$/, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(-63)
    .replaceAll(/^-+|-+$/g, '')
  return label === '' ? 'unknown' : label
}
