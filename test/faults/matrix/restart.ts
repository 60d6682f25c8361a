import { existsSync } from 'node:fs'
import { until } from '@countersign/testing'
import type { FaultPoint } from '../entry/fault-point.ts'
import type { Cluster } from '../harness/cluster.ts'
import { driveCall } from '../load/drive.ts'
import type { Case, DeedCase } from './cases.ts'
import { openDeeds } from './deeds.ts'

const longMs = 60_000

/**
 * Kills one replica of each case's service at its step, both being up, and has it started again. The services have a lane each; a
 * case begins when all replicas of its service are up.
 */
export async function killAndRestart(
  cluster: Cluster,
  cases: readonly Case[],
  deedCases: readonly DeedCase[],
): Promise<void> {
  const driven: Promise<unknown>[] = []
  const lanes = [...Map.groupBy(cases, ({ row }) => row.service)].map(async ([service, lane]) => {
    for (const { point, plan, title } of lane) {
      const call = await killOnce(cluster, service, point, title, () => driveCall(cluster, plan))
      driven.push(call.done)
      // The next fault must not hit what this one left behind: how the call ends would be chance.
      if (service === 'agent-executor') await call.done
    }
    await arm(cluster, service, [])
    if (service === 'audit') await killAtDeeds(cluster, service, deedCases)
  })
  await Promise.all([...lanes, killAtDeeds(cluster, 'lifecycle', deedCases)])
  await Promise.all(driven)
  // Other policies, while nobody waits for a decision.
  await Promise.all(['policy', 'gateway'].map((service) => killAtDeeds(cluster, service, deedCases)))
}

/** Kills a replica at a step of what is begun; resolves when it is dead. */
async function killOnce<T>(
  cluster: Cluster,
  service: string,
  point: FaultPoint,
  title: string,
  begin: () => Promise<T>,
): Promise<{ done: Promise<T> }> {
  await arm(cluster, service, [point])
  const deaths = deathsOf(cluster, service)
  const done = begin()
  const happened = () => existsSync(point.claim) && deathsOf(cluster, service) > deaths
  await until(happened, `the fault happens: ${title}`, longMs)
  return { done }
}

/** Kills a service at each of its steps of what happens beside calls; it must be in the log all the same. */
async function killAtDeeds(cluster: Cluster, service: string, all: readonly DeedCase[]): Promise<void> {
  const deeds = await openDeeds(cluster)
  for (const one of all.filter(({ row }) => row.service === service)) {
    const { begin, told } = await deeds.of(one)
    await killOnce(cluster, service, one.point, one.title, begin)
    await until(told, `it is told all the same: ${one.title}`, longMs)
  }
  await arm(cluster, service, [])
  deeds.close()
}

function deathsOf(cluster: Cluster, service: string): number {
  return cluster.of(service).reduce((sum, { deaths }) => sum + deaths, 0)
}

/** Has every replica of a service up and knowing where to die. */
async function arm(cluster: Cluster, service: string, points: FaultPoint[]): Promise<void> {
  for (const replica of cluster.of(service)) {
    await replica.untilUp()
    await replica.arm(points)
  }
}
