import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { until } from '@countersign/testing'
import type { Cluster } from '../harness/cluster.ts'
import type { Replica } from '../harness/replica.ts'
import { serverName } from '../harness/tools.ts'
import { driveCall } from '../load/drive.ts'
import type { Case } from './cases.ts'

const services = ['gateway', 'policy', 'agent-executor'] as const
const longMs = 60_000

/**
 * Has one replica of each service stop in its tracks with a call at each of its steps, lets the other replica bring them all to an end,
 * and lets the first go on where it was, with what it knew then. One service after the other: each needs the others at work.
 */
export async function pauseAndGoOn(cluster: Cluster, cases: readonly Case[]): Promise<void> {
  for (const service of services) {
    await pauseOne(
      cluster,
      service,
      cases.filter(({ row }) => row.service === service),
    )
  }
}

async function pauseOne(cluster: Cluster, service: string, cases: readonly Case[]): Promise<void> {
  const [first, other] = cluster.of(service) as [Replica, Replica]
  for (const replica of [first, other]) await replica.untilUp()
  // Not there before, so that every call is with the first. A gateway is chosen by its caller.
  if (service !== 'gateway') await other.end()
  await first.arm(cases.map(({ point }) => point))
  const { pid } = first
  const driven = cases.map(({ plan }) => driveCall(cluster, plan))
  for (const { point, title } of cases) await until(() => existsSync(point.claim), `reached: ${title}`, longMs)

  if (service !== 'gateway') await other.begin()
  // Nobody takes a caller over: it hears nothing, and asks again at the other gateway.
  else driven.push(...cases.map(({ plan }) => driveCall(cluster, plan, 1)))
  const auditor = await cluster.bus('auditor')
  for (const { row, side, callId, title } of cases) {
    const at = { tenant: 'default', server: serverName, callId }
    const ended = async () => (await auditor.history(at)).final?.name === row.ends[side]
    await until(ended, `the other replica alone brings it to its end: ${title}`, longMs)
  }
  first.signal('SIGCONT')
  await Promise.all(driven)
  await first.arm([])
  assert.equal(first.pid, pid, `${first.name} went on after it was stopped`)
}
