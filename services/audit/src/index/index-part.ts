import type { Part } from '@countersign/runtime'
import type { Logger } from '@countersign/telemetry'
import type { Settings } from '../config.ts'
import type { LogPart } from '../log/log-part.ts'
import type { AuditMetrics } from '../metrics.ts'
import { LogIndex } from './log-index.ts'
import { indexPlace } from './open-index.ts'
import { openingOf } from './row-of.ts'

/** The part of audit that keeps the index. Whatever becomes of it, the log goes on. */
export class IndexPart implements Part {
  readonly name = 'index'
  /** There once the part has started. */
  index!: LogIndex
  readonly #config: Settings
  readonly #logger: Logger
  readonly #metrics: AuditMetrics
  readonly #log: LogPart

  constructor(config: Settings, logger: Logger, metrics: AuditMetrics, log: LogPart) {
    this.#config = config
    this.#logger = logger
    this.#metrics = metrics
    this.#log = log
  }

  start(): void {
    const { auditDir, auditIndexDir, auditIndexUrl, auditIndexPasswordFile } = this.#config
    const place = { dir: auditIndexDir, url: auditIndexUrl, passwordFile: auditIndexPasswordFile, logDir: auditDir }
    const onProblem = (error: unknown) =>
      error === undefined
        ? this.#logger.info('the index of the audit log follows again')
        : this.#logger.warn(
            { err: error },
            'the index of the audit log cannot follow; the log goes on, and it is tried again',
          )
    const { kind, open } = indexPlace(place, {
      onDiscarded: (reason) => this.#logger.warn({ reason }, 'the index of the audit log is made anew from the log'),
      onProblem,
    })
    const { log } = this.#log
    const read = (text: string) => this.#log.read(text, openingOf)
    this.index = new LogIndex({ log, kind, open, read, onProblem })
    this.#metrics.observeIndex(this.index)
    this.index.start()
  }

  stop(): Promise<void> {
    return this.index.stop()
  }
}
