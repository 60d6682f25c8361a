import { type ErrorCode, errorRow } from '@countersign/contracts'
import type { FastifySchema } from 'fastify'
import { z } from 'zod'
import { ErrorAnswer } from './answer-error.ts'
import type { Route } from './route.ts'

/** What any route can answer. */
const everywhere: readonly ErrorCode[] = [
  'invalid_params',
  'unauthenticated',
  'forbidden_host',
  'service_unavailable',
  'store_unavailable',
  'internal',
]

/** Describes a route for the OpenAPI document. */
export function describeRoute(route: Route): FastifySchema {
  const success =
    'stream' in route
      ? {
          description: 'Server-sent events (WHATWG HTML, section 9.2), until either side ends it',
          content: { 'text/event-stream': { schema: eventStream(route.streams) } },
        }
      : { description: 'Success', content: { 'application/json': { schema: jsonSchema(route.answer, 'output') } } }
  return {
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    operationId: operationId(route),
    tags: [route.path.split('/')[1]!],
    ...(route.params ? { params: jsonSchema(route.params, 'input') } : {}),
    ...(route.query ? { querystring: jsonSchema(route.query, 'input') } : {}),
    ...(route.body ? { body: jsonSchema(route.body, 'input') } : {}),
    response: { 200: success, ...errorResponses(route) },
  }
}

function errorResponses(route: Route) {
  const codes = new Set<ErrorCode>([
    ...everywhere,
    ...(route.operators ? (['forbidden'] as const) : []),
    ...(route.errors ?? []),
  ])
  if (route.body)
    for (const code of ['parse_error', 'body_too_large', 'unsupported_media_type'] as const) codes.add(code)
  const byStatus = Map.groupBy(codes, (code) => errorRow(code).httpStatus)
  const schema = jsonSchema(ErrorAnswer, 'output')
  return Object.fromEntries(
    [...byStatus].map(([httpStatus, group]) => [
      httpStatus,
      {
        description: group.map((code) => `\`${code}\`: ${errorRow(code).meaning}`).join('\n\n'),
        content: { 'application/json': { schema } },
      },
    ]),
  )
}

/** The whole answer is text. What the `data` of one event holds has no place of its own in OpenAPI 3.1: `itemSchema` is of 3.2. */
function eventStream(data: z.ZodType) {
  return {
    type: 'string',
    description: 'The `data` of an event is JSON as `x-event-data` describes it.',
    'x-event-data': jsonSchema(data, 'output'),
  }
}

/** `GET /calls/:callId` is `get_calls_callId`. */
function operationId({ method, path }: Route): string {
  return [method.toLowerCase(), ...path.split(/\W+/).filter((word) => word !== '')].join('_')
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output') {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}
