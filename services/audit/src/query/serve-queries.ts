import { type Bus, type Serving, together } from '@countersign/bus'
import { CountersignError, type SealedRecord, verbs } from '@countersign/contracts'
import type { Fault } from '../erasure/watch-keys.ts'
import type { LogIndex } from '../index/log-index.ts'
import type { AuditLog } from '../log/audit-log.ts'
import type { Log } from '../log/log.ts'
import { proveCall, proveConsistency } from '../log/prove.ts'
import type { WitnessStanding } from '../witness/witnessing.ts'
import type { Exports } from '../export/exports.ts'
import { countOverTime } from './count-over-time.ts'
import { findCalls } from './find-calls.ts'
import { findRecords } from './find-records.ts'
import { listTop } from './list-top.ts'
import { placesOfCall } from './places-of-call.ts'
import { QueryTurns } from './query-turns.ts'
import { tellStory } from './tell-story.ts'

/** In place of a reason that names files of audit. */
const toldToPlatform = 'why is told to whoever runs this Countersign; ask there'

/** Answers everything that audit is asked on the bus. */
export function serveQueries(
  bus: Pick<Bus, 'serveApi'>,
  log: AuditLog,
  index: LogIndex,
  read: (text: string) => SealedRecord,
  {
    platformTenant,
    problem,
    faults,
    witnessed,
    exporting,
    onDefect,
  }: {
    platformTenant: string
    /** Why nothing can be recorded, in its words for the platform's tenant alone. */
    problem: () => string | undefined
    /** What is not right with audit's own files, for the platform's tenant alone: it names where they lie. */
    faults: () => Promise<Fault[]> | Fault[]
    /** How far witnesses have cosigned a tenant's log; undefined where none are asked. */
    witnessed: (tenant: string) => WitnessStanding | undefined
    /** The exports; undefined where there are none. */
    exporting: () => Exports | undefined
    onDefect: (error: unknown) => void
  },
): Serving {
  const turns = new QueryTurns()
  const inTurn = <T>({ tenant }: { tenant: string }, work: () => Promise<T>) => turns.take(tenant, work)
  const { audit } = verbs
  const reading = (tenant: string) => ({ log: log.tree(tenant), read })
  const serving = [
    bus.serveApi(
      audit.records,
      (query) => inTurn(query, async () => findRecords(await index.reach(query.tenant), reading(query.tenant), query)),
      onDefect,
    ),
    bus.serveApi(
      audit.calls,
      (query) => inTurn(query, async () => findCalls(await index.reach(query.tenant), query)),
      onDefect,
    ),
    bus.serveApi(
      audit.story,
      (query) => inTurn(query, async () => tellStory(await index.reach(query.tenant), reading(query.tenant), query)),
      onDefect,
    ),
    bus.serveApi(
      audit.counts,
      (query) => inTurn(query, async () => countOverTime(await index.reach(query.tenant), query)),
      onDefect,
    ),
    bus.serveApi(
      audit.top,
      (query) => inTurn(query, async () => listTop(await index.reach(query.tenant), query)),
      onDefect,
    ),
    bus.serveApi(audit.index, ({ tenant }) => index.status(tenant), onDefect),
    bus.serveApi(
      audit.reindex,
      async ({ tenant }) => {
        await index.rebuild(tenant)
        return index.status(tenant)
      },
      onDefect,
    ),
    bus.serveApi(
      audit.status,
      async ({ tenant }) => {
        const isPlatform = tenant === platformTenant
        const why = problem()
        return {
          ...statusOf(log, tenant, why === undefined || isPlatform ? why : toldToPlatform, witnessed(tenant)),
          faults: isPlatform ? await faults() : [],
        }
      },
      onDefect,
    ),
    bus.serveApi(
      audit.prove,
      ({ tenant, callId, from }) =>
        inTurn({ tenant }, async () => {
          const indexes = await placesOfCall(await index.reach(tenant), callId)
          return proveCall(
            log,
            { tenant, callId },
            indexes.filter((each) => each >= from),
          )
        }),
      onDefect,
    ),
    bus.serveApi(audit.consistency, ({ tenant, from }) => proveConsistency(log, tenant, from), onDefect),
    bus.serveApi(
      audit.exports,
      ({ tenant }) => exporting()?.view(tenant) ?? { exports: [], problems: [], troubles: [] },
      onDefect,
    ),
    bus.serveApi(
      audit.settleExport,
      async ({ operator, name, action }) => {
        const exports = exporting()
        if (!exports)
          throw new CountersignError('not_found', 'there are no exports: COUNTERSIGN_AUDIT_EXPORTS_DIR is not set')
        return { name, deadLetters: await exports.settle(operator, name, action) }
      },
      onDefect,
    ),
  ]
  return together(serving)
}

function statusOf(log: Log, tenant: string, problem: string | undefined, witnessed: WitnessStanding | undefined) {
  const { size, root, sealedAt } = log.tree(tenant)
  return {
    size,
    root: root.toString('base64'),
    lastSeq: log.last.CALLS?.seq ?? 0,
    sealedAt: sealedAt?.toISOString() ?? null,
    ...(problem === undefined ? {} : { problem }),
    ...(witnessed ? { witnessed } : {}),
  }
}
