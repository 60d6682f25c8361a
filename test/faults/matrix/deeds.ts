import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RegistryView } from '@countersign/bus'
import { type ActivityEventName, subjects } from '@countersign/contracts'
import type { Cluster } from '../harness/cluster.ts'
import { otherPolicyText, serverText } from '../harness/tools.ts'
import { ask } from '../load/ask.ts'
import type { DeedCase } from './cases.ts'

/** Something that happens beside calls: how it is begun, and whether audit has published that it happened. */
interface Deed {
  begin(): Promise<unknown>
  told(): Promise<boolean>
}

/** Makes what happens in the cases of the matrix of deeds. */
export async function openDeeds(cluster: Cluster): Promise<{ of(one: DeedCase): Promise<Deed>; close(): void }> {
  const { layout } = cluster.state
  const registry = new RegistryView()
  await registry.start(await cluster.bus('gateway'))
  const auditor = await cluster.bus('auditor')
  const published = async (filter: string) => {
    const { subjects: counts } = await auditor.streamInfo('AUDIT', filter)
    return Object.values(counts).reduce((sum, count) => sum + count, 0)
  }
  const activities = (name: ActivityEventName) => published(subjects.auditRecord('*', undefined, name))

  const deeds = {
    async server({ name }: DeedCase) {
      const file = join(layout.servers, `${name}.yaml`)
      const verified = () =>
        registry
          .server('default', name)
          ?.conditions.some(({ type, status }) => type === 'Verified' && status === 'True') ?? false
      return {
        begin: () => writeFile(file, serverText(name, cluster.toolServerUrl)),
        told: async () => verified() && (await published(subjects.auditRecord('default', name, '*'))) > 0,
      }
    },
    async policies({ name }: DeedCase) {
      const before = await activities('policies_changed')
      return {
        begin: () => writeFile(join(layout.policies, `${name}.yaml`), otherPolicyText(name)),
        told: async () => (await activities('policies_changed')) > before,
      }
    },
    async refusal({ side }: DeedCase) {
      const before = await activities('token_refused')
      // Each gateway tells the first of a minute at once.
      const url = cluster.gateways[side === 'before' ? 0 : 1]!
      const begin = () => ask({ url, token: 'not-a-token', name: 'read', arguments: {} })
      return {
        begin,
        async told() {
          if ((await activities('token_refused')) > before) return true
          await begin()
          return false
        },
      }
    },
  }
  return { of: (one) => deeds[one.row.deed](one), close: () => registry.stop() }
}
