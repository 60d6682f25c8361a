/**
 * The exports: documents of kind `AuditExport` in a folder, each with a runner of its own.
 *
 * File map: exports.ts (follows the folder) → compile-exports (what documents say) → export-runner (one an export) →
 * tenant-export (sends in order, sets aside; one a tenant) → drivers/ (webhook, otlp, syslog, s3) with format/ (pure functions). cut-batch reads the log; open-entry makes what is sent out of an
 * entry; pace leaves the thread to sealing; export-state keeps cursors and dead letters in the bucket `exports`; backoff, http-post and request-headers serve the drivers.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  type AuditExport,
  CountersignError,
  type DocumentProblem,
  type ExportView,
  type SealedRecord,
} from '@countersign/contracts'
import { folderSignature, problemLine, readFolder } from '@countersign/documents'
import type { Logger } from '@countersign/telemetry'
import type { Log } from '../log/log.ts'
import { type Backoff, usualBackoff } from './backoff.ts'
import { compileExports } from './compile-exports.ts'
import { makeDriver } from './drivers/make-driver.ts'
import { ExportRunner } from './export-runner.ts'
import type { ExportState } from './export-state.ts'
import { openEntry } from './open-entry.ts'
import { Pace } from './pace.ts'

/** What exports work with. */
export interface ExportsOptions {
  dir: string
  log: Pick<Log, 'tenants' | 'tree'>
  state: ExportState
  logger: Logger
  onCount: (name: string, what: 'sent' | 'dead' | 'failed', count: number) => void
  /** Opens what was sealed encrypted, for exports that ask for it. */
  openSealed: (text: string) => SealedRecord
  /** Whose operators are told what is wrong with documents, which are of no single tenant. */
  platformTenant: string
  backoff?: Backoff
  maxDeadLetters?: number
}

/** A file that was just written may not be complete: it is taken when it looks the same twice. */
const pollMs = 500
const maxExports = 20

/** Runs what the documents of a folder say. A broken file is refused whole; what it said before stays in force. */
export class Exports {
  readonly #options: ExportsOptions
  /** By file: what was good last. */
  #files = new Map<string, AuditExport[]>()
  #problems: DocumentProblem[] = []
  readonly #runners = new Map<string, { document: AuditExport; runner: ExportRunner }>()
  readonly #pace = new Pace()
  #seen: string | undefined
  #taken: string | undefined
  #timer: NodeJS.Timeout | undefined
  #polling: Promise<void> = Promise.resolve()

  constructor(options: ExportsOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    await this.#options.state.read()
    await this.#take(await folderSignature(this.#options.dir))
    this.#poll()
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#polling
    await Promise.all([...this.#runners.values()].map(({ runner }) => runner.stop()))
  }

  /** Told that records were sealed. */
  wake(): void {
    for (const { runner } of this.#runners.values()) runner.wake()
  }

  /** The exports of a tenant; what is wrong with documents may name others, so the platform's tenant alone has it. */
  view(tenant: string): { exports: ExportView[]; problems: DocumentProblem[] } {
    const views = [...this.#runners.values()].flatMap(({ runner }) => runner.view(tenant) ?? [])
    const problems = tenant === this.#options.platformTenant ? this.#problems : []
    return { exports: views.toSorted((a, b) => (a.name < b.name ? -1 : 1)), problems }
  }

  /** Of each export, over all tenants. */
  get totals() {
    return [...this.#runners].map(([name, { runner }]) => ({ name, ...runner.totals }))
  }

  /** Sends what an export set aside of a tenant again, or forgets it. @throws CountersignError for an export that the tenant has not */
  async settle(tenant: string, name: string, action: 'retry' | 'discard'): Promise<number> {
    const runner = this.#runners.get(name)?.runner
    if (!runner?.view(tenant))
      throw new CountersignError('not_found', `there is no export ${name}; see: countersign audit exports`)
    return action === 'retry' ? runner.retry(tenant) : runner.discard(tenant)
  }

  #poll(): void {
    this.#timer = setTimeout(() => {
      this.#polling = this.#look()
        .catch((error: unknown) =>
          this.#options.logger.error({ err: error }, 'exports could not be taken up; trying again'),
        )
        .then(() => {
          if (this.#timer) this.#poll()
        })
    }, pollMs)
  }

  async #look(): Promise<void> {
    const signature = await folderSignature(this.#options.dir)
    const settled = signature === this.#seen
    this.#seen = signature
    if (settled && signature !== this.#taken) await this.#take(signature)
  }

  async #take(signature: string): Promise<void> {
    const { files, problems } = await readFolder(this.#options.dir)
    const unreadable = new Set(problems.map(({ file }) => file))
    const before = this.#files
    // A file, or a folder, that cannot be read just now says nothing about what it said before.
    const kept = [...before].filter(([file]) => unreadable.has('.') || unreadable.has(file))
    this.#files = new Map(kept)
    this.#problems = [...problems]
    const names = new Map<string, string>()
    for (const file of files) {
      const compiled = compileExports(file)
      const found = [...compiled.problems, ...this.#repeated(file.file, compiled.documents, names)]
      this.#problems.push(...found)
      const good = found.length === 0 ? compiled.documents : (before.get(file.file) ?? [])
      if (good.length > 0) this.#files.set(file.file, good)
    }
    if (this.#problems.length > 0) {
      const lines = this.#problems.map(problemLine)
      this.#options.logger.error({ problems: lines }, 'exports refused; what their files said before stays in force')
    }
    await this.#apply([...this.#files.values()].flat())
    // Last, so that what failed on the way is tried again.
    this.#taken = signature
  }

  #repeated(file: string, documents: readonly AuditExport[], names: Map<string, string>): DocumentProblem[] {
    return documents.flatMap(({ metadata: { name } }) => {
      const other = names.get(name)
      if (other === undefined) names.set(name, file)
      const tooMany = names.size > maxExports
      if (other === undefined && !tooMany) return []
      const message = tooMany
        ? `there are more than ${maxExports} exports`
        : `there is an export "${name}" already, in ${other}`
      return [{ file, line: 1, column: 1, message }]
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
