import { CountersignError, type PoliciesView, type Principal, type ServerEntry, verbs } from '@countersign/contracts'
import type { Bus, RegistryView } from '@countersign/bus'
import { z } from 'zod'
import { type Route, route } from './route.ts'
import { ServerAnswer, serverAnswer, ServerItem, serverItem, serversOf } from './server-answer.ts'

const { server, tool, digest } = verbs.lifecycle.accept.input.shape

/** Tool servers and their tools, as the registry knows them. */
export const servers: readonly Route[] = [
  route({
    method: 'GET',
    path: '/servers',
    summary: 'Tool servers with their conditions and limits',
    operators: true,
    answer: z.object({ servers: z.array(ServerItem) }),
    async handle({ viewer }, { bus, registry }) {
      const inForce = await policiesInForce(bus)
      return { servers: serversOf(registry, viewer.tenant).map((entry) => serverItem(entry, inForce)) }
    },
  }),
  route({
    method: 'GET',
    path: '/servers/:name',
    summary: 'One tool server with its inventory: state, hints and pin of each tool, and what changed since',
    operators: true,
    params: z.strictObject({ name: server }),
    answer: ServerAnswer,
    errors: ['not_found'],
    async handle({ viewer, params }, { bus, registry }) {
      const entry = find(registry, viewer, params.name)
      return serverAnswer(entry, registry.toolsOf(params.name), await policiesInForce(bus))
    },
  }),
  route({
    method: 'POST',
    path: '/servers/:name/tools/:tool/acceptance',
    summary: 'Accepts a changed definition: from then on it is the pinned one',
    operators: true,
    params: z.strictObject({ name: server, tool: tool.max(256) }),
    body: z.strictObject({ digest: digest.describe('The digest of the definition offered, as it was shown') }),
    answer: verbs.lifecycle.accept.output,
    errors: ['not_found', 'unknown_tool', 'digest_mismatch'],
    handle({ viewer, params: { name, tool }, body }, { bus, registry }) {
      find(registry, viewer, name)
      return bus.callApi(verbs.lifecycle.accept, { operator: viewer, server: name, tool, digest: body.digest }, 10_000)
    },
  }),
]

/** Servers are shown without policy too. */
async function policiesInForce(bus: Bus): Promise<PoliciesView | undefined> {
  return bus.callApi(verbs.policy.policies, {}, 2000).catch(() => undefined)
}

function find(registry: RegistryView, viewer: Principal, name: string): ServerEntry {
  const entry = registry.server(viewer.tenant, name)
  if (!entry)
    throw new CountersignError(
      'not_found',
      `there is no tool server "${name}"; the list of servers has those there are`,
    )
  return entry
}
