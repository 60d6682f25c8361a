import { verbs } from '@countersign/contracts'
import { z } from 'zod'
import { type Route, route } from './route.ts'

const { subject, reason } = verbs.audit.erase.input.shape
const { callId } = verbs.audit.placeHold.input.shape

/** The index may have much to forget. */
const erasureTimeoutMs = 30_000

/** Erasing content, and the legal holds that keep it. */
export const erasure: readonly Route[] = [
  route({
    method: 'GET',
    path: '/audit/subjects',
    summary: 'What there is of a subject that could be erased, and what keeps it',
    operators: true,
    query: z.strictObject({ subject: subject.describe('On whose behalf calls are made: the id of a principal') }),
    answer: verbs.audit.subject.output,
    reads: (query) => ({ kind: 'subject', target: query.subject }),
    errors: ['erasure_off'],
    handle: ({ viewer: operator, query }, { bus }) => bus.callApi(verbs.audit.subject, { operator, ...query }),
  }),
  route({
    method: 'POST',
    path: '/audit/erasures',
    summary: 'Erases the content of the calls of a subject; it cannot be undone',
    operators: true,
    body: z.strictObject({ subject, reason }),
    answer: verbs.audit.erase.output,
    errors: ['legal_hold', 'erasure_off'],
    handle: ({ viewer: operator, body }, { bus }) =>
      bus.callApi(verbs.audit.erase, { operator, ...body }, erasureTimeoutMs),
  }),
  route({
    method: 'GET',
    path: '/audit/holds',
    summary: 'Legal holds in force',
    operators: true,
    answer: verbs.audit.holds.output,
    errors: ['erasure_off'],
    handle: ({ viewer: operator }, { bus }) => bus.callApi(verbs.audit.holds, { operator }),
  }),
  route({
    method: 'POST',
    path: '/audit/holds',
    summary: 'Places a legal hold: nothing that it is over is erased while it is there',
    operators: true,
    body: z.strictObject({
      subject: subject.nullable().optional().describe('Null: the whole tenant'),
      callId: callId.describe('Instead of a subject: one call'),
      reason,
    }),
    answer: verbs.audit.placeHold.output,
    errors: ['unknown_call', 'erasure_off'],
    handle: ({ viewer: operator, body }, { bus }) =>
      bus.callApi(verbs.audit.placeHold, { operator, ...body }, erasureTimeoutMs),
  }),
  route({
    method: 'POST',
    path: '/audit/holds/:id/lifting',
    summary: 'Lifts a legal hold',
    operators: true,
    params: z.strictObject({ id: z.coerce.number().int().positive() }),
    body: z.strictObject({ reason }),
    answer: verbs.audit.liftHold.output,
    errors: ['not_found', 'erasure_off'],
    handle: ({ viewer: operator, params: { id }, body }, { bus }) =>
      bus.callApi(verbs.audit.liftHold, { operator, id, ...body }, erasureTimeoutMs),
  }),
]
