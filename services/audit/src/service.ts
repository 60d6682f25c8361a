/**
 * audit: seals every event of every call, and what is done to Countersign itself, into a log that shows when it was changed.
 *
 * File map:
 *   log/ log.ts is what the rest knows of the log, audit-log.ts one tree a tenant in a folder or a bucket, prove.ts what it proves; its form is libs/tlog
 *   record/ record-source (which streams, and what their messages are) → on-any (takes them in batches) → stored-content (what events only
 *     name) → make-record (with redact/ and encrypt/) → seal (in stream order, each once) → publish (on AUDIT), in turn by recorder, all of
 *     it by recording
 *   priority.ts lets calls go first while audit keeps up
 *   retention/ purges what is sealed and ended, and makes room
 *   index/ follows the log into Postgres: log-index (the loop) → row-of → write-rows, over open-pglite or open-postgres
 *   query/ answers `audit.<verb>`: serve-queries lists them, each is a file
 *   export/ sends records to targets · erasure/ erases content, keeps legal holds · witness/ has others cosign checkpoints
 *
 * Invariants upheld here:
 * I8  An event is acknowledged after it is on disk in the log and on AUDIT, and purged only after that.
 * I9  Records hold what events hold; log lines name sequences and counts, never content.
 * I12 What is sealed and what is published is read back from the log and from AUDIT at start.
 */
import type { Serving } from '@countersign/bus'
import type { Part, ServiceContext } from '@countersign/runtime'
import type { Settings } from './config.ts'
import { erasurePart } from './erasure/erasure-part.ts'
import { ExportsPart } from './export/exports-part.ts'
import { IndexPart } from './index/index-part.ts'
import { LogPart } from './log/log-part.ts'
import { AuditMetrics } from './metrics.ts'
import { serveQueries } from './query/serve-queries.ts'
import { Recording } from './record/recording.ts'
import { WitnessPart } from './witness/witness-part.ts'

const lagEveryMs = 2000

/** The parts of audit, in the order in which they start. */
export function auditParts(config: Settings, { bus, log: logger, telemetry, expectations }: ServiceContext): Part[] {
  const logUsable = expectations.expect('audit log')
  const streamsKnown = expectations.expect('CALLS and LIFECYCLE streams')
  const consumersRunning = expectations.expect('audit consumers')
  const recordingNow = expectations.expect('recording')
  const { auditExportsDir: dir, platformTenant, auditWitnessPolicyFile, auditWitnessIntervalMs } = config
  const metrics = new AuditMetrics(telemetry.meter)
  const log = new LogPart(config, logger, metrics, logUsable)
  const index = new IndexPart(config, logger, metrics, log)
  const exporting = dir === undefined ? undefined : new ExportsPart({ dir, platformTenant }, bus, logger, metrics, log)
  const witnesses =
    auditWitnessPolicyFile === undefined
      ? undefined
      : new WitnessPart(auditWitnessPolicyFile, auditWitnessIntervalMs, logger, metrics, log)
  const erasure = erasurePart({
    ...{ bus, logger },
    personal: () => log.personal,
    index: () => index.index,
    retentionFile: config.auditRetentionFile,
  })
  const recording = new Recording({
    ...{ config, bus, logger, metrics, log },
    onSealed() {
      index.index.notify()
      exporting?.exports?.wake()
    },
    onStreamsKnown: streamsKnown,
    onRecording: recordingNow,
  })
  const look = async () => {
    await recording.look()
    consumersRunning(true)
  }
  const cannotLook = (error: unknown) => {
    consumersRunning(false)
    logger.warn({ err: error }, 'a consumer of audit or its stream cannot be read; it is tried again')
  }
  let queries: Serving
  let watch: NodeJS.Timeout

  return [
    log,
    index,
    { name: 'recorder', start: () => recording.open(), stop: () => recording.idle() },
    { name: 'consumers', start: () => recording.consume(), stop: () => recording.stopConsuming() },
    { name: 'retention', start: () => recording.retention.start(), stop: () => recording.retention.stop() },
    {
      name: 'queries',
      start() {
        queries = serveQueries(bus, log.log, index.index, log.read, {
          platformTenant,
          problem: () => recording.problem,
          faults: async () => [...(await log.faults()), ...erasure.faults()],
          witnessed: (tenant) => witnesses?.witnessing?.standing(tenant),
          exporting: () => exporting?.exports,
          onDefect: (error) => logger.error({ err: error }, 'an audit query failed'),
        })
      },
      stop: () => queries.stop(),
    },
    ...(exporting ? [exporting] : []),
    erasure,
    ...(witnesses ? [witnesses] : []),
    {
      name: 'lag',
      async start() {
        await look()
        watch = setInterval(() => void look().catch(cannotLook), lagEveryMs)
      },
      stop: () => clearInterval(watch),
    },
  ]
}
