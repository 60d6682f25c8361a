import { verbs } from '@countersign/contracts'
import { z } from 'zod'
import { cursorOf, placeOf } from './cursor.ts'
import { type Route, route } from './route.ts'

const { callId, principal, server, tool, outcome, since, until } = verbs.audit.records.input.shape

/** Finding the events of an old call can take a while. */
const proofTimeoutMs = 30_000

/** The sealed log. */
export const audit: readonly Route[] = [
  route({
    method: 'GET',
    path: '/audit/records',
    summary: 'Sealed records, newest first',
    operators: true,
    query: z.strictObject({
      callId,
      principal,
      server,
      tool,
      outcome: outcome.describe('The event that must have happened, e.g. `denied`'),
      since,
      until,
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      cursor: z.string().max(100).optional().describe('`next` of the page before'),
    }),
    answer: z.object({ records: verbs.audit.records.output.shape.records, next: z.string().optional() }),
    async handle({ viewer: { tenant }, query: { cursor, ...filter } }, { bus }) {
      const before = placeOf(cursor)
      const query = { ...filter, tenant, ...(before === undefined ? {} : { before }) }
      const { records, next } = await bus.callApi(verbs.audit.records, query)
      return { records: records.filter(({ record }) => record.tenant === tenant), next: cursorOf(next) }
    },
  }),
  route({
    method: 'GET',
    path: '/audit/status',
    summary: 'How far the log is: entries, root hash, the last event sealed',
    operators: true,
    answer: verbs.audit.status.output,
    handle: ({ viewer: { tenant } }, { bus }) => bus.callApi(verbs.audit.status, { tenant }),
  }),
  route({
    method: 'GET',
    path: '/audit/proofs/:callId',
    summary: 'A file that proves what the log says about a call; it verifies by itself',
    operators: true,
    params: verbs.audit.prove.input.pick({ callId: true }),
    answer: verbs.audit.prove.output,
    errors: ['unknown_call', 'not_found'],
    handle: ({ viewer: { tenant }, params: { callId } }, { bus }) =>
      bus.callApi(verbs.audit.prove, { tenant, callId }, proofTimeoutMs),
  }),
  route({
    method: 'GET',
    path: '/audit/consistency',
    summary: 'That the log of today goes on from the one of an earlier checkpoint',
    operators: true,
    query: z.strictObject({ from: z.coerce.number().int().min(1).describe('Entries of the earlier checkpoint') }),
    answer: verbs.audit.consistency.output,
    errors: ['not_found'],
    handle: ({ viewer: { tenant }, query: { from } }, { bus }) =>
      bus.callApi(verbs.audit.consistency, { tenant, from }, proofTimeoutMs),
  }),
]
