import { callEventNames, verbs } from '@countersign/contracts'
import { z } from 'zod'
import { CallAnswer, CallItem, CallNews, Incomplete } from './call-answer.ts'
import { Cursor, cursorOf, placeOf } from './cursor.ts'
import { listCalls } from './list-calls.ts'
import { readCall } from './read-call.ts'
import { type Route, route } from './route.ts'
import { streamCalls } from './feed/stream-calls.ts'

const { server, tool, principal, agent, rule, approver, text, since, until } = verbs.audit.calls.input.shape
const { callId, outcome, evidence } = verbs.policy.resolve.input.shape
const params = z.strictObject({ callId })

/** Calls: what was asked, and how it went. */
export const calls: readonly Route[] = [
  route({
    method: 'GET',
    path: '/calls',
    summary: 'Calls, newest first',
    description:
      'Operators see those of their tenant; others see their own and those they may vote on. While audit does not answer, the list has those that wait and ' +
      'those of late, as far as the bus has them, and `incomplete` says so.',
    query: z.strictObject({
      state: z.enum(callEventNames).optional().describe('Where the call stands now: the name of its last event'),
      server,
      tool,
      principal,
      agent,
      rule,
      approver,
      text,
      since,
      until,
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      cursor: Cursor,
    }),
    answer: z.object({ calls: z.array(CallItem), next: z.string().optional(), incomplete: Incomplete }),
    async handle({ viewer, query: { limit, cursor, ...filter } }, { bus }) {
      const { calls, next, size, fromLog, incomplete } = await listCalls(bus, viewer, filter, {
        limit,
        place: placeOf(cursor),
      })
      return { calls, next: cursorOf(next, size), fromLog, incomplete }
    },
    reads: (_query, { fromLog }) => (fromLog ? { kind: 'calls' } : undefined),
  }),
  {
    method: 'GET',
    path: '/calls/events',
    summary: 'The live feed of call events, as server-sent events',
    description:
      'Each is an event `call` whose id is its place in the stream; send it as `Last-Event-ID` to go on after it. An event ' +
      '`dropped` is the last one when the server ends the feed, and says why.',
    streams: CallNews,
    errors: ['overloaded'],
    stream: streamCalls,
  },
  route({
    method: 'GET',
    path: '/calls/:callId',
    summary: "One call's full history, oldest first",
    params,
    answer: CallAnswer,
    errors: ['unknown_call'],
    handle: ({ viewer, params }, { bus }) => readCall(bus, viewer, params.callId),
    reads: (_query, { records }) => (records > 0 ? { kind: 'story', records } : undefined),
  }),
  route({
    method: 'POST',
    path: '/calls/:callId/resolution',
    summary: "An operator's ruling on a call whose outcome is unknown",
    operators: true,
    params,
    body: z.strictObject({ outcome, evidence }),
    answer: verbs.policy.resolve.output,
    errors: ['unknown_call', 'not_unknown', 'store_full'],
    handle: ({ viewer, params, body }, { bus }) =>
      bus.callApi(verbs.policy.resolve, { operator: viewer, callId: params.callId, ...body }, 10_000),
  }),
]
