import { CallProof, verbs } from '@countersign/contracts'
import { z } from 'zod'
import { askAudit } from './ask-audit.ts'
import { Cursor, cursorOf, placeOf } from './cursor.ts'
import { proveCall } from './prove-call.ts'
import { recordedEvents } from '../recorded-events.ts'
import { type Route, route } from './route.ts'

const { tenant: _own, limit: _limit, before: _before, size: _size, ...asked } = verbs.audit.records.input.shape
/** What no record can be of is refused, rather than found nowhere. */
const filters = { ...asked, outcome: z.enum(recordedEvents).optional() }
const { size, indexed } = verbs.audit.records.output.shape
const { of, bucket, since, until } = verbs.audit.counts.input.shape
const { by } = verbs.audit.top.input.shape
const params = z.strictObject({ callId: verbs.audit.prove.input.shape.callId })

/** The sealed log. */
export const audit: readonly Route[] = [
  route({
    method: 'GET',
    path: '/audit/records',
    summary: 'Sealed records, newest first',
    operators: true,
    description:
      'All pages are of the log as it was with the first. `indexed` of its `size` records are looked at: a few that were sealed just now may ' +
      'not be among them yet. A page has fewer than asked for where more would not fit into an answer, and at least one where there is one.',
    query: z.strictObject({
      ...filters,
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      cursor: Cursor,
      purpose: z
        .enum(['records', 'export'])
        .default('records')
        .describe('What they are for, as the log itself will say: to be looked at, or to be kept in a file'),
    }),
    reads: ({ purpose, callId }, { records }) => ({ kind: purpose, records: records.length, target: callId }),
    answer: z.object({
      records: verbs.audit.records.output.shape.records,
      next: z.string().optional(),
      size,
      indexed,
    }),
    errors: ['query_too_slow'],
    async handle({ viewer: { tenant }, query: asked }, { bus }) {
      const { cursor, purpose: _, ...filter } = asked
      const query = { ...filter, tenant, ...placeOf(cursor) }
      const answer = await askAudit(bus, verbs.audit.records, query)
      const records = answer.records.filter(({ record }) => record.tenant === tenant)
      const { size, indexed } = answer
      return { records, next: cursorOf(answer.next, indexed), size, indexed }
    },
  }),
  route({
    method: 'GET',
    path: '/audit/calls/:callId',
    summary: 'One call from end to end, as the sealed log tells it',
    operators: true,
    description:
      'Told from its first record on, without content. Of a call that is longer than an answer (some 12,000 records) it has as many as ' +
      'there is room for: `indexed` is then the index of the next one, and `/audit/records?callId=` has them all.',
    params,
    answer: verbs.audit.story.output,
    reads: (_query, { steps }) => ({ kind: 'story', records: steps.length }),
    errors: ['unknown_call', 'query_too_slow'],
    handle: ({ viewer: { tenant }, params: { callId } }, { bus }) =>
      askAudit(bus, verbs.audit.story, { tenant, callId }),
  }),
  route({
    method: 'GET',
    path: '/audit/counts',
    summary: 'Calls or records, counted in buckets of time',
    operators: true,
    query: z.strictObject({ ...filters, of, bucket, since, until }),
    answer: verbs.audit.counts.output,
    reads: ({ callId }) => ({ kind: 'counts', target: callId }),
    errors: ['query_too_slow'],
    handle: ({ viewer: { tenant }, query }, { bus }) => askAudit(bus, verbs.audit.counts, { ...query, tenant }),
  }),
  route({
    method: 'GET',
    path: '/audit/top',
    summary: 'The values that most calls have',
    operators: true,
    query: z.strictObject({ ...filters, by, limit: z.coerce.number().int().min(1).max(100).default(10) }),
    answer: verbs.audit.top.output,
    reads: ({ callId }) => ({ kind: 'top', target: callId }),
    errors: ['query_too_slow'],
    handle: ({ viewer: { tenant }, query }, { bus }) => askAudit(bus, verbs.audit.top, { ...query, tenant }),
  }),
  route({
    method: 'GET',
    path: '/audit/index',
    summary: 'How far the index of the log is',
    operators: true,
    answer: verbs.audit.index.output,
    handle: ({ viewer: { tenant } }, { bus }) => bus.callApi(verbs.audit.index, { tenant }),
  }),
  route({
    method: 'POST',
    path: '/audit/index/rebuild',
    summary: 'Makes the index anew from the log; until it is done, answers say how far it is',
    operators: true,
    answer: verbs.audit.reindex.output,
    handle: ({ viewer: { tenant } }, { bus }) => askAudit(bus, verbs.audit.reindex, { tenant }),
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
    params,
    answer: CallProof,
    reads: (_query, { entries }) => ({ kind: 'proof', records: entries.length }),
    errors: ['unknown_call', 'not_found'],
    handle: ({ viewer: { tenant }, params: { callId } }, { bus }) => proveCall(bus, { tenant, callId }),
  }),
  route({
    method: 'GET',
    path: '/audit/consistency',
    summary: 'That the log of today goes on from the one of an earlier checkpoint',
    operators: true,
    query: z.strictObject({
      from: z.coerce
        .number()
        .int()
        .min(1)
        .describe('Entries of the earlier checkpoint; more than the log has are refused: 400, `invalid_params`'),
    }),
    answer: verbs.audit.consistency.output,
    reads: () => ({ kind: 'consistency' }),
    errors: ['not_found'],
    handle: ({ viewer: { tenant }, query: { from } }, { bus }) =>
      askAudit(bus, verbs.audit.consistency, { tenant, from }),
  }),
  route({
    method: 'GET',
    path: '/audit/exports',
    summary: 'Where records are sent, and how far each export is',
    operators: true,
    answer: verbs.audit.exports.output,
    handle: ({ viewer: { tenant } }, { bus }) => bus.callApi(verbs.audit.exports, { tenant }),
  }),
  route({
    method: 'POST',
    path: '/audit/exports/:name/dead-letters',
    summary: 'Sends what the target of an export refused for good again, or forgets it',
    operators: true,
    params: verbs.audit.settleExport.input.pick({ name: true }),
    body: verbs.audit.settleExport.input.pick({ action: true }).strict(),
    answer: verbs.audit.settleExport.output,
    errors: ['not_found'],
    handle: ({ viewer: operator, params: { name }, body: { action } }, { bus }) =>
      bus.callApi(verbs.audit.settleExport, { operator, name, action }),
  }),
]
