import { existsSync } from 'node:fs'
import { until } from '@countersign/testing'
import type { Cluster } from '../harness/cluster.ts'
import { driveCall } from '../load/drive.ts'
import type { Case } from './cases.ts'

const services = ['gateway', 'policy', 'agent-executor'] as const
const longMs = 60_000

/**
 * Holds one replica of every service with a call at each of its steps, kills it, and lets the other replica alone bring them all to an
 * end. The other one is not there before, so that every call is with the first.
 */
export async function killAndTakeOver(cluster: Cluster, cases: readonly Case[]): Promise<void> {
  const replicas = services.map((service) => cluster.of(service))
  const dying = replicas.map(([first]) => first!)
  const heirs = replicas.map(([, second]) => second!)
  for (const replica of [...dying, ...heirs]) await replica.untilUp()
  await Promise.all(heirs.map((heir) => heir.end()))
  for (const replica of dying) {
    const own = cases.filter(({ row }) => row.service === replica.service)
    await replica.arm(own.map(({ point }) => point))
  }
  const driven = cases.map(({ plan }) => driveCall(cluster, plan))
  for (const { point, title } of cases) await until(() => existsSync(point.claim), `held: ${title}`, longMs)

  await Promise.all(heirs.map((heir) => heir.begin()))
  await Promise.all(dying.map((replica) => replica.end()))
  await Promise.all(driven)
  for (const replica of dying) await replica.arm([])
  await Promise.all(dying.map((replica) => replica.begin()))
}
