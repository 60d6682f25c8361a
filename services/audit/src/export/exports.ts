/**
 * The exports: documents of kind `AuditExport` in a folder, each with a runner of its own.
 *
 * File map: exports.ts (follows the folder) → compile-exports (what documents say) → export-runner (one an export) →
 * tenant-export (sends in order; one a tenant; what is refused for good becomes dead-letters) → drivers/ (webhook, otlp, syslog, s3) with format/ (pure functions). trouble says what is in the way. cut-batch reads the log; open-entry makes what is sent out of an
 * entry; pace leaves the thread to sealing; export-state keeps cursors and dead letters in the bucket `exports`; record-changes has what is done to exports in the log; backoff, http-post and request-headers serve the drivers.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  type AuditExport,
  CountersignError,
  type DocumentProblem,
  type ExportsView,
  type ExportTrouble,
  type Principal,
  type SealedRecord,
} from '@countersign/contracts'
import { FolderWatch, problemLine, type ReadFiles } from '@countersign/documents'
import type { Logger } from '@countersign/telemetry'
import type { Log } from '../log/log.ts'
import { type Backoff, usualBackoff } from './backoff.ts'
import { compileExports } from './compile-exports.ts'
import { makeDriver } from './drivers/make-driver.ts'
import { ExportRunner } from './export-runner.ts'
import type { ExportState } from './export-state.ts'
import { openEntry } from './open-entry.ts'
import { Pace } from './pace.ts'
import type { RecordChanges } from './record-changes.ts'

/** What exports work with. */
export interface ExportsOptions {
  dir: string
  log: Pick<Log, 'tenants' | 'tree'>
  state: ExportState
  /** Told of everything that is done to exports, before it is done. */
  changes: Pick<RecordChanges, 'changed' | 'isInForce' | 'settled' | 'putBack'>
  logger: Logger
  onCount: (name: string, what: 'sent' | 'dead' | 'failed', count: number) => void
  /** Opens what was sealed encrypted, for exports that ask for it. */
  openSealed: (text: string) => SealedRecord
  /** Whose operators are told what is wrong with documents, which are of no single tenant. */
  platformTenant: string
  backoff?: Backoff
  maxDeadLetters?: number
}

const lookEveryMs = 500
const lookAtBucketEveryMs = 1000
const maxExports = 20
const maxTroubles = 100

/** Runs what the documents of a folder say. A broken file is refused whole; what it said before stays in force. */
export class Exports {
  readonly #options: ExportsOptions
  /** By file: what was good last. */
  #files = new Map<string, AuditExport[]>()
  #problems: DocumentProblem[] = []
  readonly #runners = new Map<string, { document: AuditExport; runner: ExportRunner }>()
  readonly #pace = new Pace()
  readonly #folder: FolderWatch<void>
  #bucketWatch: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined

  constructor(options: ExportsOptions) {
    this.#options = options
    const { dir } = options
    const onProblem = (error: unknown) => this.#cannotTake(error)
    this.#folder = new FolderWatch({ dir, everyMs: lookEveryMs, take: (read) => this.#take(read), onProblem })
  }

  async start(): Promise<void> {
    await this.#options.state.read()
    // What cannot be taken up now can be later, and keeps audit from nothing.
    await this.#folder.takeNow().catch((error: unknown) => this.#cannotTake(error))
    this.#folder.follow()
    this.#bucketWatch = setInterval(() => {
      this.#looking ??= this.#putBackIfLost().finally(() => (this.#looking = undefined))
    }, lookAtBucketEveryMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#bucketWatch)
    await this.#looking
    await this.#folder.stop()
    await Promise.all([...this.#runners.values()].map(({ runner }) => runner.stop()))
  }

  /** Told that records were sealed. */
  wake(): void {
    for (const { runner } of this.#runners.values()) runner.wake()
  }

  /** The exports of a tenant; what is of other tenants, or of documents, which may name them, the platform's tenant alone has. */
  view(tenant: string): ExportsView {
    const views = [...this.#runners.values()].flatMap(({ runner }) => runner.view(tenant) ?? [])
    const forPlatform = tenant === this.#options.platformTenant
    return {
      exports: views.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      problems: forPlatform ? this.#problems : [],
      troubles: this.troubles.filter((trouble) => forPlatform || trouble.tenant === tenant).slice(0, maxTroubles),
    }
  }

  /** Which exports do not get on, with which tenants. */
  get troubles(): ExportTrouble[] {
    return [...this.#runners.values()].flatMap(({ runner }) => runner.troubles)
  }

  /** Of each export, over all tenants. */
  get totals() {
    return [...this.#runners].map(([name, { runner }]) => ({ name, ...runner.totals }))
  }

  /**
   * Sends what an export set aside of an operator's tenant again, or forgets it, after it is kept that this is to be recorded.
   *
   * @returns how many dead letters that are
   * @throws CountersignError for an export that the tenant has not
   */
  async settle(operator: Principal, name: string, action: 'retry' | 'discard'): Promise<number> {
    const sender = this.#runners.get(name)?.runner.sender(operator.tenant)
    if (!sender) throw this.#noExport(operator.tenant, name)
    const { letters } = sender
    if (letters.length === 0) return 0
    await this.#options.changes.settled(action, operator, name, letters)
    if (action === 'retry') sender.retry()
    else await sender.discard(letters)
    return letters.length
  }

  #noExport(tenant: string, name: string): CountersignError {
    const names = [...this.#runners].flatMap(([each, { runner }]) => (runner.sender(tenant) ? [each] : []))
    const there = names.length === 0 ? 'there are none' : `there are ${names.toSorted().join(', ')}`
    return new CountersignError('not_found', `there is no export ${name}, so nothing was done; ${there}`)
  }

  #cannotTake(error: unknown): void {
    this.#options.logger.error({ err: error }, 'exports could not be taken up; trying again')
  }

  /** Without its cursors the next start would send everything again, or skip what waits (I12). */
  async #putBackIfLost(): Promise<void> {
    const { state, changes, logger } = this.#options
    try {
      const putBack = await state.putBackIfLost(() => changes.putBack())
      if (putBack)
        logger.error('the bucket exports was lost, or went back to an earlier state; what it had is put back')
    } catch (error) {
      logger.debug({ err: error }, 'the bucket exports could not be looked at; trying again')
    }
  }

  async #take(read: ReadFiles): Promise<void> {
    const { files, problems } = this.#compile(read)
    if (problems.length > 0 && !isDeepStrictEqual(problems, this.#problems)) {
      const lines = problems.map(problemLine)
      this.#options.logger.error({ problems: lines }, 'exports refused; what their files said before stays in force')
    }
    this.#problems = problems
    const { changes } = this.#options
    // What was in force before a start is so again, also when no change can be kept.
    if (this.#files.size === 0) await this.#putInForce(filterDocuments(files, (each) => changes.isInForce(each)))
    await changes.changed([...files.values()].flat(), problems)
    await this.#putInForce(files)
  }

  /** What files say: of one that is broken or cannot be read, what it said before. */
  #compile({ files, problems: unread }: ReadFiles): { files: Map<string, AuditExport[]>; problems: DocumentProblem[] } {
    const unreadable = new Set(unread.map(({ file }) => file))
    const problems = [...unread]
    // A file, or a folder, that cannot be read just now says nothing about what it said before.
    const compiled = new Map([...this.#files].filter(([file]) => unreadable.has('.') || unreadable.has(file)))
    const names = new Map<string, string>()
    // What is in force, or was before a start, has its place, whatever comes after it.
    const ordered = files
      .map((read) => ({ file: read.file, ...compileExports(read) }))
      .map((each) => ({
        ...each,
        isKnown: this.#files.has(each.file) || each.documents.some((one) => this.#options.changes.isInForce(one)),
      }))
      .toSorted((a, b) => Number(b.isKnown) - Number(a.isKnown))
    for (const { file, documents, problems: refused } of ordered) {
      const found = [...refused, ...this.#repeated(file, documents, names)]
      problems.push(...found)
      const good = found.length === 0 ? documents : (this.#files.get(file) ?? [])
      if (good.length > 0) compiled.set(file, good)
    }
    return { files: compiled, problems: problems.toSorted((a, b) => (a.file < b.file ? -1 : Number(a.file > b.file))) }
  }

  async #putInForce(files: Map<string, AuditExport[]>): Promise<void> {
    this.#files = files
    await this.#apply([...files.values()].flat())
  }

  /** What is wrong with the names of a file's documents. @param names by export, the file that has it; those of this file are added */
  #repeated(file: string, documents: readonly AuditExport[], names: Map<string, string>): DocumentProblem[] {
    return documents.flatMap(({ metadata: { name } }) => {
      const other = names.get(name)
      const problem = (message: string) => [{ file, line: 1, column: 1, message }]
      if (other !== undefined) return problem(`there is an export "${name}" already, in ${other}`)
      if (names.size >= maxExports) {
        return problem(
          `"${name}" would be one more than the ${maxExports} exports that there may be; remove another, or have one send what several do`,
        )
      }
      names.set(name, file)
      return []
    })
  }

  async #apply(wanted: readonly AuditExport[]): Promise<void> {
    const byName = new Map(wanted.map((document) => [document.metadata.name, document]))
    for (const [name, { document, runner }] of this.#runners) {
      if (isDeepStrictEqual(byName.get(name)?.spec, document.spec)) byName.delete(name)
      else {
        await runner.stop()
        this.#runners.delete(name)
        this.#options.logger.info({ export: name }, 'export stopped')
      }
    }
    for (const [name, document] of byName) {
      const runner = this.#runnerOf(document)
      this.#runners.set(name, { document, runner })
      runner.start()
      this.#options.logger.info({ export: name, type: document.spec.to.type }, 'export started')
    }
  }

  #runnerOf(document: AuditExport): ExportRunner {
    const { log, state, logger, onCount, openSealed, backoff = usualBackoff, maxDeadLetters = 1000 } = this.#options
    const { name } = document.metadata
    const opening = document.spec.personal === 'open' ? openSealed : undefined
    return new ExportRunner({
      ...{ document, log, state, backoff, maxDeadLetters, pace: this.#pace, now: Date.now, random: Math.random },
      open: (entry) => openEntry(entry, opening),
      driver: makeDriver(document.spec.to, Date.now),
      onChange(tenant, trouble) {
        const about = { export: name, tenant, ...(trouble ? { problem: trouble.problem } : {}) }
        if (trouble === undefined) logger.info(about, 'an export works again')
        else if (trouble.state === 'failing')
          logger.warn(about, 'an export fails; it is tried again, and nothing is lost')
        else logger.error(about, 'an export has stopped until somebody does something; nothing is lost')
      },
      onCount: (what, count) => onCount(name, what, count),
    })
  }
}

function filterDocuments(files: Map<string, AuditExport[]>, wanted: (document: AuditExport) => boolean) {
  const filtered = [...files].map(([file, documents]) => [file, documents.filter(wanted)] as const)
  return new Map(filtered.filter(([, documents]) => documents.length > 0))
}
