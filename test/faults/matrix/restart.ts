import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RegistryView } from '@countersign/bus'
import { until } from '@countersign/testing'
import type { FaultPoint } from '../entry/fault-point.ts'
import type { Cluster } from '../harness/cluster.ts'
import { serverText } from '../harness/tools.ts'
import { driveCall } from '../load/drive.ts'
import type { Case } from './cases.ts'

const longMs = 60_000

/**
 * Kills one replica of each case's service at its step, both being up, and has it started again. The services have a lane each; a
 * case begins when all replicas of its service are up.
 */
export async function killAndRestart(cluster: Cluster, cases: readonly Case[]): Promise<void> {
  const driven: Promise<unknown>[] = []
  const lanes = [...Map.groupBy(cases, ({ row }) => row.service)].map(async ([service, lane]) => {
    for (const { point, plan, title } of lane) {
      await arm(cluster, service, [point])
      const deaths = deathsOf(cluster, service)
      const call = driveCall(cluster, plan)
      driven.push(call)
      await until(
        () => existsSync(point.claim) && deathsOf(cluster, service) > deaths,
        `the fault happens: ${title}`,
        longMs,
      )
      // The next fault must not hit what this one left behind: how the call ends would be chance.
      if (service === 'agent-executor') await call
    }
    await arm(cluster, service, [])
  })
  await Promise.all([...lanes, killLifecycle(cluster)])
  await Promise.all(driven)
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

/** Kills lifecycle at each of its steps while it takes up a new server; the registry must have it all the same. */
async function killLifecycle(cluster: Cluster): Promise<void> {
  const registry = new RegistryView()
  await registry.start(await cluster.bus('gateway'))
  for (const step of ['put:servers', 'store:lifecycle']) {
    for (const side of ['before', 'after'] as const) {
      const server = `extra-${step.split(':')[0]}-${side}`
      const claim = join(cluster.state.layout.dir, `claim-${server}`)
      await arm(cluster, 'lifecycle', [{ step, side, text: server, action: 'kill', claim }])
      await writeFile(join(cluster.state.layout.servers, `${server}.yaml`), serverText(server, cluster.toolServerUrl))
      await until(() => existsSync(claim), `lifecycle is killed ${side} ${step}`, longMs)
      const verified = () =>
        registry
          .server('default', server)
          ?.conditions.some(({ type, status }) => type === 'Verified' && status === 'True')
      await until(verified, `${server} is in the registry, although lifecycle was killed ${side} ${step}`, longMs)
    }
  }
  registry.stop()
}
