/**
 * audit: seals every event of every call, and what is done to Countersign itself, into a log that shows when it was changed.
 *
 * File map: record/ record-source (which streams, and what their messages are) → on-any (takes them in batches) → make-record (with
 * redact/) → seal (in stream order, each once) → publish (on AUDIT), in turn by recorder · log/ the log: log.ts is what the rest knows of it, audit-log.ts one tree a tenant in a folder or
 * a bucket, prove.ts what it proves; its form is libs/tlog · retention/ purges what is sealed and ended, and makes room · index/
 * follows the log into Postgres: log-index (the loop) → row-of → write-rows, over open-pglite or open-postgres · query/ answers
 * `audit.<verb>`: serve-queries lists them, each is a file · export/ sends records to
 * targets · witness/ has others cosign checkpoints.
 *
 * Invariants upheld here:
 * I8  An event is acknowledged after it is on disk in the log and on AUDIT, and purged only after that.
 * I9  Records hold what events hold; log lines name sequences and counts, never content.
 * I12 What is sealed and what is published is read back from the log and from AUDIT at start.
 */
import type { Consumption } from '@countersign/bus'
import { streams } from '@countersign/contracts'
import type { Part, ServiceContext } from '@countersign/runtime'
import type { Settings } from './config.ts'
import { LogIndex } from './index/log-index.ts'
import { indexPlace } from './index/open-index.ts'
import type { AuditLog } from './log/audit-log.ts'
import type { Sealed } from './log/log.ts'
import { openLog } from './log/open-log.ts'
import { signingKeys } from './log/signing-keys.ts'
import { erasurePart } from './erasure/erasure-part.ts'
import { openPersonal, type Personal } from './erasure/open-personal.ts'
import { AuditMetrics } from './metrics.ts'
import { serveQueries } from './query/serve-queries.ts'
import { ExportState } from './export/export-state.ts'
import { Exports } from './export/exports.ts'
import { readSealed } from './record/encrypt/read-sealed.ts'
import { PolicyRedactions, RedactionsUnknown } from './record/redact/policy-redactions.ts'
import { makeRedactor, readRedactionSettings, type RedactionSettings } from './record/redact/redaction-rules.ts'
import { onAny } from './record/on-any.ts'
import { RecordPublisher } from './record/publish.ts'
import { activity, calls, type RecordSource } from './record/record-source.ts'
import { Recorder, Turn } from './record/recorder.ts'
import { StreamEpoch } from './record/stream-epoch.ts'
import { makeRoom } from './retention/make-room.ts'
import { witnessPolicyFile } from './witness/witness-policy-file.ts'
import { Witnessing } from './witness/witnessing.ts'
import { retentionTimes } from './retention/purge-due.ts'
import { Retention } from './retention/retention.ts'

const lagEveryMs = 2000
/** Above this share of its budget the stream of activities lets go of what is sealed. */
const roomShare = 0.5

/** A source at work. */
interface Recording {
  source: RecordSource
  epoch: StreamEpoch
  recorder: Recorder
}

/** The parts of audit, in the order in which they start. */
export function auditParts(config: Settings, { bus, log: logger, telemetry, expectations }: ServiceContext): Part[] {
  const logUsable = expectations.expect('audit log')
  const streamsKnown = expectations.expect('CALLS and LIFECYCLE streams')
  const consumersRunning = expectations.expect('audit consumers')
  const recording = expectations.expect('recording')
  const metrics = new AuditMetrics(telemetry.meter)
  /** Why nothing can be recorded just now. */
  let problem: string | undefined
  const cannotRecord = (error: unknown) => {
    problem = error instanceof Error ? error.message : String(error)
    recording(false, problem)
    metrics.failed(error)
  }
  const canRecord = () => {
    problem = undefined
    recording(true)
  }
  /** Red until each of the streams is recorded. */
  const failing = new Set<RecordSource>()
  const recorded = (source: RecordSource) => {
    if (failing.delete(source) && failing.size === 0) canRecord()
  }
  let log: AuditLog
  let redactions: RedactionSettings
  let personal: Personal | undefined
  const read = (text: string) => readSealed(text, personal?.keys)
  let retention: Retention
  const turn = new Turn()
  const recordings: Recording[] = []
  let consumptions: Consumption[] = []
  let index: LogIndex
  let queries: { stop: () => void }
  let watch: NodeJS.Timeout
  let witnessing: Witnessing | undefined
  let exporting: Exports | undefined
  const exportsPart = (dir: string): Part => ({
    name: 'exports',
    async start() {
      exporting = new Exports({
        ...{ dir, log, logger },
        state: new ExportState(await bus.bucket('exports')),
        openSealed: (text) => readSealed(text, personal?.keys),
        onCount: (name, what, count) => metrics.exported(name, what, count),
      })
      metrics.observeExports(exporting)
      await exporting.start()
    },
    stop: () => exporting?.stop(),
  })
  const witnessPart = (path: string): Part => ({
    name: 'witnesses',
    async start() {
      const policy = witnessPolicyFile(path, {
        onProblem: (problem) => logger.error(`${problem}; the witnesses read before are asked`),
      })
      await policy.read()
      witnessing = new Witnessing({
        trees: () => log.trees,
        policy: () => policy.read(),
        everyMs: config.auditWitnessIntervalMs,
        onCosigned: (witness) => metrics.cosigned(witness),
        onFailure: (witness, why) => metrics.notCosigned(witness, why),
        onProblem(tenant, problem, conflict) {
          const line = 'the newest checkpoint is not cosigned; calls and sealing go on'
          if (conflict) logger.error({ tenant, problem }, 'a witness has seen another log under this name')
          else logger.warn({ tenant, problem }, line)
        },
      })
      metrics.observeWitnesses(witnessing)
      witnessing.start()
    },
    stop: () => witnessing?.stop(),
  })

  return [
    {
      name: 'log',
      async start() {
        redactions = readRedactionSettings(config.auditRedactionsFile, config.auditRedactionKeyFile)
        personal = await openPersonal(
          {
            keysDir: config.auditSubjectKeysDir,
            kekFile: config.auditSubjectKekFile,
            rulesFile: config.auditPersonalFile,
            logDir: config.auditDir,
          },
          { onProblem: (problem) => logger.error(`${problem}; the keys read before stay in force`) },
        )
        const keys = signingKeys(config.auditKeyFile, {
          onProblem: (problem) => logger.error(`${problem}; checkpoints are signed with the keys read before`),
        })
        const { auditDir, auditS3Url, auditS3Region, auditS3CredentialsFile } = config
        const place = {
          dir: auditDir,
          s3Url: auditS3Url,
          s3Region: auditS3Region,
          s3CredentialsFile: auditS3CredentialsFile,
          owner: config.auditLogOwner,
        }
        log = await openLog(place, keys)
        metrics.observe(log)
        logUsable(true)
        logger.info({ size: log.size, trees: log.tenants.length, last: log.last }, 'audit log is open')
      },
      async stop() {
        await log.close()
        personal?.database.close()
      },
    },
    {
      name: 'index',
      start() {
        const { auditDir, auditIndexDir, auditIndexUrl, auditIndexPasswordFile } = config
        const place = { dir: auditIndexDir, url: auditIndexUrl, passwordFile: auditIndexPasswordFile, logDir: auditDir }
        const onProblem = (error: unknown) =>
          error === undefined
            ? logger.info('the index of the audit log follows again')
            : logger.warn(
                { err: error },
                'the index of the audit log cannot follow; the log goes on, and it is tried again',
              )
        const { kind, open } = indexPlace(place, {
          onDiscarded: (reason) => logger.warn({ reason }, 'the index of the audit log is made anew from the log'),
          onProblem,
        })
        index = new LogIndex({ log, kind, open, read, onProblem })
        metrics.observeIndex(index)
        index.start()
      },
      stop: () => index.stop(),
    },
    {
      name: 'recorder',
      async start() {
        const publisher = new RecordPublisher(bus, log)
        const ofPolicies = new PolicyRedactions(await bus.bucket('policies'), redactions)
        // Policies speak of calls alone.
        const bySetting = makeRedactor(redactions, [])
        const record = (source: RecordSource, onSealed: (sealed: readonly Sealed[]) => void) => {
          const epoch = new StreamEpoch(bus, log, source.consumer.stream)
          const options = {
            ...{ source, bus, epoch, encryptor: personal?.encryptor },
            onSealed(sealed: readonly Sealed[]) {
              onSealed(sealed)
              index.notify()
              exporting?.wake()
            },
            redactor: () => (source === calls ? ofPolicies.current() : Promise.resolve(bySetting)),
            append: metrics.timed((records) => log.append(records)),
            onGap: (gap: { stream: string; from: number; to: number }) => {
              metrics.gap(gap.to - gap.from + 1)
              logger.error(
                gap,
                'events left their stream before audit had sealed them; the sequences in the log show the gap',
              )
            },
          }
          const recorder = new Recorder(options, (sealed) => publisher.publishThrough(sealed), turn)
          recordings.push({ source, epoch, recorder })
          return epoch
        }
        const callsEpoch = record(calls, (sealed) => retention.sealed(sealed))
        record(activity, () => {})
        retention = new Retention({
          bus,
          epoch: callsEpoch,
          times: retentionTimes(config.auditGraceMs),
          everyMs: Math.min(1000, Math.max(50, config.auditGraceMs / 4)),
          now: Date.now,
          onPurged: (messages) => metrics.purged(messages),
          onProblem: (error) => logger.warn({ err: error }, 'ended calls could not be purged; it is tried again'),
        })
        for (const { epoch } of recordings) await epoch.read()
        streamsKnown(true)
        await publisher.resume()
        await retention.rebuild()
        try {
          for (const { recorder } of recordings) await recorder.recordAll()
          canRecord()
        } catch (error) {
          // Policy may start after audit; consumers go on with what could not be recorded yet.
          if (!(error instanceof RedactionsUnknown)) throw error
          failing.add(calls)
          cannotRecord(error)
        }
      },
      stop: () => turn.idle(),
    },
    {
      name: 'consumers',
      start() {
        consumptions = recordings.map(({ source, recorder }) =>
          onAny(bus, source, recorder, config.auditGatherMs, {
            onRecorded: () => recorded(source),
            onProblem(error) {
              // Nothing is acknowledged meanwhile, so calls stop when the lag grows too large (I7).
              failing.add(source)
              cannotRecord(error)
              const { stream } = source.consumer
              logger.error({ err: error, stream }, 'events could not be recorded; they are kept and tried again')
            },
          }),
        )
      },
      stop: async () => void (await Promise.all(consumptions.map((consumption) => consumption.stop()))),
    },
    {
      name: 'retention',
      start: () => retention.start(),
      stop: () => retention.stop(),
    },
    {
      name: 'queries',
      start() {
        queries = serveQueries(bus, log, index, read, {
          problem: () => problem,
          witnessed: (tenant) => witnessing?.standing(tenant),
          exporting: () => exporting,
          onDefect: (error) => logger.error({ err: error }, 'an audit query failed'),
        })
      },
      stop: () => queries.stop(),
    },
    ...(config.auditExportsDir === undefined ? [] : [exportsPart(config.auditExportsDir)]),
    erasurePart({
      ...{ bus, logger },
      personal: () => personal,
      index: () => index,
      retentionFile: config.auditRetentionFile,
    }),
    ...(config.auditWitnessPolicyFile === undefined ? [] : [witnessPart(config.auditWitnessPolicyFile)]),
    {
      name: 'lag',
      async start() {
        let { reconnects } = bus
        const look = async () => {
          for (const { source, epoch } of recordings) {
            const { stream, name } = source.consumer
            const backlog = await bus.consumerBacklog(stream, name)
            metrics.backlog.set(stream, backlog)
            // All of it is sealed: what was wrong is over, also when nothing comes that would show it.
            if (backlog.messages === 0) recorded(source)
            if (source !== activity) continue
            metrics.purged(await makeRoom({ bus, epoch, maxBytes: streams.LIFECYCLE.maxBytes * roomShare }))
          }
          consumersRunning(true)
          if (bus.reconnects === reconnects) return
          // What was on its way when the connection broke is delivered again only after a minute.
          for (const { recorder } of recordings) await recorder.recordAll()
          reconnects = bus.reconnects
        }
        const onProblem = (error: unknown) => {
          consumersRunning(false)
          logger.warn({ err: error }, 'a consumer of audit or its stream cannot be read; it is tried again')
        }
        await look()
        watch = setInterval(() => void look().catch(onProblem), lagEveryMs)
      },
      stop: () => clearInterval(watch),
    },
  ]
}
