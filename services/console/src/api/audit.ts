import { verbs } from '@countersign/contracts'
import { z } from 'zod'
import { cursorOf, placeOf } from './cursor.ts'
import { type Route, route } from './route.ts'

const { callId, principal, server, tool, outcome, since, until } = verbs.audit.records.input.shape

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
]
