import type { Bus, Consumption } from '@countersign/bus'
import { CountersignError, streams } from '@countersign/contracts'
import type { Logger } from '@countersign/telemetry'
import type { Settings } from '../config.ts'
import type { LogPart } from '../log/log-part.ts'
import type { Sealed } from '../log/log.ts'
import type { AuditMetrics } from '../metrics.ts'
import { Priority } from '../priority.ts'
import { makeRoom } from '../retention/make-room.ts'
import { retentionTimes } from '../retention/purge-due.ts'
import { Retention } from '../retention/retention.ts'
import { onAny } from './on-any.ts'
import { RecordPublisher } from './publish.ts'
import { activity, calls, type RecordSource } from './record-source.ts'
import { Recorder, Turn } from './recorder.ts'
import { fullBatch } from './seal.ts'
import { PolicyRedactions, RedactionsUnknown } from './redact/policy-redactions.ts'
import { makeRedactor, readRedactionSettings } from './redact/redaction-rules.ts'
import type { LostContent } from './stored-content.ts'
import { StreamEpoch } from './stream-epoch.ts'

/** What recording works with. */
export interface RecordingOptions {
  config: Settings
  bus: Bus
  logger: Logger
  metrics: AuditMetrics
  log: LogPart
  /** Told of records once they are sealed. */
  onSealed: () => void
  /** Whether both streams are known, and whether events are recorded just now, with the reason where they are not. */
  onStreamsKnown: (known: boolean) => void
  onRecording: (recording: boolean, why?: string) => void
}

/** A source at work. */
interface Source {
  source: RecordSource
  epoch: StreamEpoch
  recorder: Recorder
}

/** Behind by more than either, audit is in a hurry: more batches than gather while one is sealed slowly, or what was stored so long ago. */
const [hurryEvents, hurryMs] = [4 * fullBatch, 5000]

/** Above this share of its budget the stream of activities lets go of what is sealed. */
const roomShare = 0.5

/** Records the events of all sources, one batch at a time, and lets go of what is sealed and ended. */
export class Recording {
  readonly #options: RecordingOptions
  readonly #sources: Source[] = []
  /** Those whose events could not be recorded. */
  readonly #failing = new Set<RecordSource>()
  readonly #turn = new Turn()
  readonly #priority = new Priority()
  #problem: string | undefined
  #reconnects: number
  #consumptions: Consumption[] = []
  /** There once recording was opened. */
  retention!: Retention

  constructor(options: RecordingOptions) {
    this.#options = options
    this.#reconnects = options.bus.reconnects
  }

  /** Why nothing can be recorded just now. */
  get problem(): string | undefined {
    return this.#problem
  }

  /**
   * Finds out what is sealed and published (I12), and records what is in the streams.
   *
   * @throws Error when log and streams do not go together, or what is there cannot be recorded
   */
  async open(): Promise<void> {
    const { config, bus, logger, metrics, log, onStreamsKnown } = this.#options
    const settings = readRedactionSettings(config.auditRedactionsFile, config.auditRedactionKeyFile)
    const ofPolicies = new PolicyRedactions(await bus.bucket('policies'), settings)
    // Policies speak of calls alone.
    const bySetting = Promise.resolve(makeRedactor(settings, []))
    const publisher = new RecordPublisher(bus, log.log)
    const callsEpoch = this.#add(
      calls,
      publisher,
      () => ofPolicies.current(),
      (sealed) => this.retention.sealed(sealed),
    )
    this.#add(activity, publisher, () => bySetting)
    this.retention = new Retention({
      bus,
      epoch: callsEpoch,
      times: retentionTimes(config.auditGraceMs),
      everyMs: Math.min(1000, Math.max(50, config.auditGraceMs / 4)),
      now: Date.now,
      onPurged: (messages) => metrics.purged(messages),
      onProblem: (error) => logger.warn({ err: error }, 'ended calls could not be purged; it is tried again'),
    })
    for (const { epoch } of this.#sources) await epoch.read()
    onStreamsKnown(true)
    await publisher.resume()
    await this.retention.open()
    try {
      await this.#recordAll()
      this.#can()
    } catch (error) {
      // Policy may start after audit, and content may be had later; consumers go on with what could not be recorded yet.
      if (!(error instanceof RedactionsUnknown) && !isUnavailable(error)) throw error
      this.#cannot(calls, error)
    }
  }

  /** Takes events as they come. */
  consume(): void {
    const { bus, config, logger } = this.#options
    this.#consumptions = this.#sources.map(({ source, recorder }) =>
      onAny(bus, source, recorder, config.auditGatherMs, {
        onRecorded: () => this.#recorded(source),
        onProblem: (error) => {
          // Nothing is acknowledged meanwhile, so calls stop when the lag grows too large (I7).
          this.#cannot(source, error)
          const { stream } = source.consumer
          logger.error({ err: error, stream }, 'events could not be recorded; they are kept and tried again')
        },
      }),
    )
  }

  /** Takes no more events; resolves when those in hand are recorded. */
  async stopConsuming(): Promise<void> {
    await Promise.all(this.#consumptions.map((consumption) => consumption.stop()))
  }

  /** Resolves when nothing is being recorded. */
  idle(): Promise<void> {
    return this.#turn.idle()
  }

  /**
   * Measures how far behind recording is, lets calls go first while it is not, makes room, has keys that were added sign, and catches up after
   * a reconnection.
   *
   * @throws Error when a consumer or its stream cannot be read
   */
  async look(): Promise<void> {
    const { bus, metrics } = this.#options
    for (const { source, epoch } of this.#sources) {
      const { stream, name } = source.consumer
      const backlog = await bus.consumerBacklog(stream, name)
      metrics.backlog.set(stream, backlog)
      // All of it is sealed: what was wrong is over, also when nothing comes that would show it.
      if (backlog.messages === 0) this.#recorded(source)
      if (source !== activity) {
        this.#priority.giveWay(backlog.messages < hurryEvents && backlog.oldestMs < hurryMs)
        continue
      }
      metrics.purged(await makeRoom({ bus, epoch, maxBytes: streams.LIFECYCLE.maxBytes * roomShare }))
    }
    await this.#turn.take(() => this.#options.log.log.renew())
    const { reconnects } = bus
    if (reconnects === this.#reconnects) return
    // What was on its way when the connection broke is delivered again only after a minute.
    try {
      await this.#recordAll()
      this.#reconnects = reconnects
    } catch (error) {
      if (!isUnavailable(error)) throw error
      this.#cannot(calls, error)
    }
  }

  #add(
    source: RecordSource,
    publisher: RecordPublisher,
    redactor: () => ReturnType<PolicyRedactions['current']>,
    onSealed: (sealed: readonly Sealed[]) => void = () => {},
  ): StreamEpoch {
    const { bus, logger, metrics, log } = this.#options
    const epoch = new StreamEpoch(bus, log.log, source.consumer.stream)
    const options = {
      ...{ source, bus, epoch, redactor, encryptor: log.personal?.encryptor },
      append: metrics.timed((records) => log.log.append(records)),
      onSealed: (sealed: readonly Sealed[]) => {
        onSealed(sealed)
        this.#options.onSealed()
      },
      onGap: (gap: { stream: string; from: number; to: number }) => {
        metrics.gap(gap.to - gap.from + 1)
        logger.error(
          gap,
          'events left their stream before audit had sealed them; the sequences in the log show the gap',
        )
      },
      onLost: (lost: LostContent) => {
        metrics.contentLost()
        logger.warn(lost, 'content of an event could not be had any more; the event is sealed with its reference alone')
      },
    }
    const recorder = new Recorder(options, (sealed) => publisher.publishThrough(sealed), this.#turn)
    this.#sources.push({ source, epoch, recorder })
    return epoch
  }

  async #recordAll(): Promise<void> {
    for (const { recorder } of this.#sources) await recorder.recordAll()
  }

  #recorded(source: RecordSource): void {
    if (this.#failing.delete(source) && this.#failing.size === 0) this.#can()
  }

  #can(): void {
    this.#problem = undefined
    this.#options.onRecording(true)
  }

  #cannot(source: RecordSource, error: unknown): void {
    this.#failing.add(source)
    this.#problem = error instanceof Error ? error.message : String(error)
    this.#options.onRecording(false, this.#problem)
    this.#options.metrics.failed(error)
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof CountersignError && error.code === 'store_unavailable'
}
