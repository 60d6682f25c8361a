import type { Bus } from '@countersign/bus'
import type { Part } from '@countersign/runtime'
import type { Logger } from '@countersign/telemetry'
import type { LogPart } from '../log/log-part.ts'
import type { AuditMetrics } from '../metrics.ts'
import { ExportState } from './export-state.ts'
import { Exports, type ExportsOptions } from './exports.ts'
import { RecordChanges } from './record-changes.ts'

/** Where the documents are that name the targets, and whose operators are told what is wrong with them. */
type ExportsPlace = Pick<ExportsOptions, 'dir' | 'platformTenant'>

/** The part of audit that sends records to targets. */
export class ExportsPart implements Part {
  readonly name = 'exports'
  /** There once the part has started. */
  exports: Exports | undefined
  #changes: RecordChanges | undefined
  readonly #place: ExportsPlace
  readonly #bus: Bus
  readonly #logger: Logger
  readonly #metrics: AuditMetrics
  readonly #log: LogPart

  constructor(place: ExportsPlace, bus: Bus, logger: Logger, metrics: AuditMetrics, log: LogPart) {
    this.#place = place
    this.#bus = bus
    this.#logger = logger
    this.#metrics = metrics
    this.#log = log
  }

  async start(): Promise<void> {
    const [bus, logger, bucket] = [this.#bus, this.#logger, await this.#bus.bucket('exports')]
    this.#changes = new RecordChanges({ bucket, bus, logger, platformTenant: this.#place.platformTenant })
    await this.#changes.start()
    this.exports = new Exports({
      ...{ ...this.#place, log: this.#log.log, logger, changes: this.#changes },
      state: new ExportState(bucket),
      openSealed: this.#log.read,
      onCount: (name, what, count) => this.#metrics.exported(name, what, count),
    })
    this.#metrics.observeExports(this.exports)
    await this.exports.start()
  }

  async stop(): Promise<void> {
    await this.exports?.stop()
    await this.#changes?.stop()
  }
}
