import type { Bus } from '@countersign/bus'
import { CountersignError, verbs } from '@countersign/contracts'
import type { AuditLog } from '../log/audit-log.ts'
import type { Log } from '../log/log.ts'
import { proveCall, proveConsistency } from '../log/prove.ts'
import type { WitnessStanding } from '../witness/witnessing.ts'
import type { RecordIndex } from './record-index.ts'

/** Queries that may wait; one scans at a time, so that sealing keeps its share of the processor. */
const maxWaiting = 32

/** Answers everything that audit is asked on the bus. */
export function serveQueries(
  bus: Pick<Bus, 'serveApi'>,
  log: AuditLog,
  index: RecordIndex,
  {
    problem,
    witnessed,
    onDefect,
  }: {
    problem: () => string | undefined
    /** How far witnesses have cosigned a tenant's log; undefined where none are asked. */
    witnessed: (tenant: string) => WitnessStanding | undefined
    onDefect: (error: unknown) => void
  },
): { stop: () => void } {
  const inTurn = oneAtATime()
  const serving = [
    bus.serveApi(verbs.audit.records, (query) => inTurn(() => index.records(query)), onDefect),
    bus.serveApi(verbs.audit.calls, (query) => inTurn(() => index.calls(query)), onDefect),
    bus.serveApi(verbs.audit.status, ({ tenant }) => statusOf(log, tenant, problem(), witnessed(tenant)), onDefect),
    bus.serveApi(
      verbs.audit.prove,
      ({ tenant, callId }) => inTurn(() => proveCall(log, index, tenant, callId)),
      onDefect,
    ),
    bus.serveApi(verbs.audit.consistency, ({ tenant, from }) => proveConsistency(log, tenant, from), onDefect),
  ]
  return { stop: () => serving.forEach(({ stop }) => stop()) }
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

function oneAtATime() {
  let turn: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (waiting >= maxWaiting)
      throw new CountersignError('overloaded', 'too many audit queries are waiting; ask again later')
    waiting += 1
    const result = turn.then(work)
    turn = result.catch(() => {})
    try {
      return await result
    } finally {
      waiting -= 1
    }
  }
}
