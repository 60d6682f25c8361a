import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verbs } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { noDisk } from './harness/disk-program.ts'
import { underLoad } from './load/under-load.ts'

const ackWaitMs = 3000

/** Answers that refuse because audit is behind, with what their callers read. */
function refusals({ told }: Cluster): string[] {
  return told.flatMap(({ answer }) =>
    answer.kind === 'result' && answer.code === 'audit_behind' ? [answer.content] : [],
  )
}

/** What a replica says on one of its health pages. */
async function health(cluster: Cluster, service: string, page: 'readyz' | 'metrics'): Promise<string> {
  return (await fetch(`http://127.0.0.1:${cluster.of(service)[0]!.healthPort}/${page}`)).text()
}

/** Waits until it says something: each replica looks for itself, every two seconds. */
async function untilSays(cluster: Cluster, service: string, page: 'readyz' | 'metrics', what: RegExp): Promise<void> {
  await until(async () => what.test(await health(cluster, service, page)), `${page} of ${service} says ${what}`)
}

async function untilTakenAgain(cluster: Cluster): Promise<void> {
  const taken = async () => !(await health(cluster, 'policy', 'readyz')).includes('audit within its bounds')
  await until(taken, 'audit is within its bounds', 120_000)
}

test(
  "I5, I7, I8, R31: audit's disk is full: it says so, calls are refused at the bound with the reason, and flow again once there is space",
  { skip: noDisk(), timeout: 300_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs, heldFor: '15s', disks: ['audit'], auditMaxLag: 60 })
    const run = await underLoad(t, cluster, 8)
    await cluster.disks.audit.leave(30_000)
    await until(() => refusals(cluster).length > 0, 'calls are refused', 60_000)
    assert.match(
      refusals(cluster)[0]!,
      /\d+ events wait to be sealed, and at most 60 may; nothing ran, ask again later/,
    )
    await untilSays(cluster, 'policy', 'readyz', /"audit within its bounds":"the audit log is too far behind/)
    await untilSays(cluster, 'policy', 'metrics', /^countersign_policy_refusing\{reason="audit_events"[^}]*\} 1/m)
    // Audit itself names the cause.
    await untilSays(cluster, 'audit', 'readyz', /"recording":"ENOSPC/)
    await untilSays(cluster, 'audit', 'metrics', /^countersign_audit_failures_total\{code="ENOSPC"/m)
    const console = await cluster.bus('console')
    const { problem } = await console.callApi(verbs.audit.status, { tenant: 'default' })
    assert.match(problem!, /ENOSPC/)
    // Gateways stay in service: whoever asks is told why.
    await untilSays(cluster, 'gateway', 'readyz', /"awaited":\[\]/)
    await cluster.disks.audit.leave()
    await untilTakenAgain(cluster)
    await run.flows('when there is space again')
    t.diagnostic(`${await run.end()} calls answered, ${refusals(cluster).length} refused`)
  },
)

test(
  'I5, I7, I8, R31: audit is stopped altogether: calls are refused once its oldest event is too old, and flow again when it is back',
  { timeout: 300_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs, heldFor: '15s', auditMaxAgeMs: 4000 })
    const run = await underLoad(t, cluster, 4)
    const [audit] = cluster.of('audit')
    await audit!.end()
    await until(() => refusals(cluster).length > 0, 'calls are refused', 60_000)
    assert.match(refusals(cluster)[0]!, /waiting to be sealed for \d+ s, and at most 4 s is allowed; nothing ran/)
    await untilSays(cluster, 'policy', 'metrics', /^countersign_policy_refusing\{reason="audit_age"[^}]*\} 1/m)
    await audit!.begin()
    await untilTakenAgain(cluster)
    await run.flows('when audit is back')
    t.diagnostic(`${await run.end()} calls answered, ${refusals(cluster).length} refused`)
  },
)
