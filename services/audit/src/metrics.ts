import type { Backlog } from '@countersign/bus'
import type { ExportTrouble } from '@countersign/contracts'
import type { Telemetry } from '@countersign/telemetry'
import type { Log } from './log/log.ts'

type Meter = Telemetry['meter']

/** Exports that are shown one by one; each is a series of its own. */
const maxTroubles = 100

/** What audit counts. */
export class AuditMetrics {
  readonly #meter: Meter
  readonly #sealed: ReturnType<Meter['createCounter']>
  readonly #purged: ReturnType<Meter['createCounter']>
  readonly #missing: ReturnType<Meter['createCounter']>
  readonly #contentLost: ReturnType<Meter['createCounter']>
  readonly #batch: ReturnType<Meter['createHistogram']>
  readonly #duration: ReturnType<Meter['createHistogram']>
  readonly #failures: ReturnType<Meter['createCounter']>
  /** By stream, what is stored and not acknowledged yet, when last looked at. */
  readonly backlog = new Map<string, Backlog>()
  readonly #cosignatures: ReturnType<Meter['createCounter']>
  readonly #witnessFailures: ReturnType<Meter['createCounter']>
  readonly #exported: ReturnType<Meter['createCounter']>

  constructor(meter: Meter) {
    this.#meter = meter
    this.#sealed = meter.createCounter('countersign_audit_records_sealed', {
      description: 'Records on disk in the log',
    })
    this.#purged = meter.createCounter('countersign_audit_events_purged', {
      description: 'Events removed from the streams they were in',
    })
    this.#missing = meter.createCounter('countersign_audit_events_missing', {
      description: 'Events gone before they were sealed',
    })
    this.#contentLost = meter.createCounter('countersign_audit_content_lost', {
      description: 'Arguments and results over 256 KiB that were gone before they were sealed',
    })
    this.#failures = meter.createCounter('countersign_audit_failures', {
      description: 'Times that events could not be recorded, by the code of the error (ENOSPC: no space)',
    })
    this.#cosignatures = meter.createCounter('countersign_audit_cosignatures', {
      description: 'Checkpoints cosigned, by witness',
    })
    this.#witnessFailures = meter.createCounter('countersign_audit_witness_failures', {
      description: 'Checkpoints not cosigned, by witness and why (conflict: it has seen another log)',
    })
    this.#exported = meter.createCounter('countersign_audit_exports', {
      description: 'By export: records sent, records set aside (dead), tries that failed',
    })
    this.#batch = meter.createHistogram('countersign_audit_batch_size', { description: 'Records appended at once' })
    this.#duration = meter.createHistogram('countersign_audit_seal_duration', {
      unit: 's',
      description: 'Time of an append',
    })
  }

  purged(messages: number): void {
    this.#purged.add(messages)
  }

  gap(events: number): void {
    this.#missing.add(events)
  }

  contentLost(): void {
    this.#contentLost.add(1)
  }

  cosigned(witness: string): void {
    this.#cosignatures.add(1, { witness })
  }

  notCosigned(witness: string, why: string): void {
    this.#witnessFailures.add(1, { witness, why })
  }

  observeWitnesses(witnessing: { readonly unwitnessed: number }): void {
    this.#meter
      .createObservableGauge('countersign_audit_unwitnessed', {
        description: 'Entries that no quorum has cosigned yet',
      })
      .addCallback((result) => result.observe(witnessing.unwitnessed))
  }

  exported(name: string, what: 'sent' | 'dead' | 'failed', count: number): void {
    this.#exported.add(count, { export: name, what })
  }

  observeExports(exporting: {
    readonly totals: { name: string; lagRecords: number; lagSeconds: number; dead: number }[]
    readonly troubles: readonly ExportTrouble[]
  }): void {
    const gauge = (name: string, description: string, of: 'lagRecords' | 'lagSeconds' | 'dead') =>
      this.#meter.createObservableGauge(name, { description }).addCallback((result) => {
        for (const totals of exporting.totals) result.observe(totals[of], { export: totals.name })
      })
    gauge('countersign_audit_export_lag', 'By export, records that its target has not acknowledged', 'lagRecords')
    gauge('countersign_audit_export_lag_seconds', 'By export, age of the oldest of them', 'lagSeconds')
    this.#meter
      .createObservableGauge('countersign_audit_export_trouble_seconds', {
        description:
          'For how long an export has been failing, or blocked until somebody does something, by tenant; the longest 100',
      })
      .addCallback((result) => {
        const longest = exporting.troubles.toSorted((a, b) => (a.since < b.since ? -1 : 1)).slice(0, maxTroubles)
        for (const { name, tenant, state, since } of longest) {
          result.observe(Math.max(0, (Date.now() - Date.parse(since)) / 1000), { export: name, tenant, state })
        }
      })
    gauge('countersign_audit_export_dead_letters', 'By export, what its target refused for good', 'dead')
  }

  failed(error: unknown): void {
    const { code } = (error ?? {}) as { code?: unknown }
    this.#failures.add(1, { code: typeof code === 'string' ? code : 'other' })
  }

  /** Shows the size of a log, and the lag. */
  observe(log: Log): void {
    const gauge = (name: string, description: string) => this.#meter.createObservableGauge(name, { description })
    gauge('countersign_audit_log_size', 'Records in all trees of the log').addCallback((result) =>
      result.observe(log.size),
    )
    gauge('countersign_audit_lag', 'Events stored and not acknowledged yet').addCallback((result) => {
      for (const [stream, { messages }] of this.backlog) result.observe(messages, { stream })
    })
    gauge('countersign_audit_lag_seconds', 'Age of the oldest of them, when last looked at').addCallback((result) => {
      for (const [stream, { oldestMs }] of this.backlog) result.observe(oldestMs / 1000, { stream })
    })
  }

  /** Shows how far an index is behind its log. */
  observeIndex(index: { readonly behind: number }): void {
    this.#meter
      .createObservableGauge('countersign_audit_index_lag', { description: 'Records sealed and not indexed yet' })
      .addCallback((result) => result.observe(index.behind))
  }

  /** Appends, counted and timed. */
  timed(append: Log['append']): Log['append'] {
    return async (records) => {
      const begun = performance.now()
      const sealed = await append(records)
      this.#duration.record((performance.now() - begun) / 1000)
      this.#batch.record(sealed.length)
      this.#sealed.add(sealed.length)
      return sealed
    }
  }
}
