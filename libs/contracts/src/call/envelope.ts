import { z } from 'zod'
import { type CallEventData, callEvents, type CallEventName } from './events.ts'
import { Instant } from './common.ts'

/** CloudEvents 1.0 in structured JSON mode. */
export const eventContentType = 'application/cloudevents+json'

const typePrefix = 'dev.countersign.call.'
const typeVersion = '.v1'

/** The CloudEvents `type` of an event of the table. */
export function eventType(name: CallEventName): string {
  return typePrefix + name + typeVersion
}

/** One event of a call's history. */
export interface CallEvent<N extends CallEventName = CallEventName> {
  specversion: '1.0'
  id: string
  /** `/services/<name>`: the service that wrote it. */
  source: string
  type: string
  /** The call id. */
  subject: string
  time: string
  datacontenttype: 'application/json'
  /** W3C trace context of the first hop. */
  traceparent?: string
  data: CallEventData<N>
}

/** The envelope around `data`, for the wire schema; unknown members are tolerated. */
export function envelopeSchema(name: CallEventName) {
  return z.looseObject({
    specversion: z.literal('1.0'),
    id: z.string().min(1).max(128),
    source: z.string().min(1),
    type: z.literal(eventType(name)),
    subject: z.string(),
    time: Instant,
    datacontenttype: z.literal('application/json'),
    traceparent: z.string().optional(),
    data: callEvents[name].schema,
  })
}

const schemas = new Map(Object.keys(callEvents).map((name) => [name, envelopeSchema(name as CallEventName)]))

/**
 * Makes an event. The id is `<callId>.<event>` plus whatever tells two of the same name apart, so that publishing the same
 * step again is recognised as the same message by the store.
 */
export function makeEvent<N extends CallEventName>(
  name: N,
  data: CallEventData<N>,
  context: { now: Date; traceparent?: string | undefined; distinct?: string },
): CallEvent<N> {
  const { callId } = data as { callId: string }
  return {
    specversion: '1.0',
    id: context.distinct === undefined ? `${callId}.${name}` : `${callId}.${name}.${context.distinct}`,
    source: `/services/${callEvents[name].writer}`,
    type: eventType(name),
    subject: callId,
    time: context.now.toISOString(),
    datacontenttype: 'application/json',
    ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
    data,
  }
}

/** Thrown for bytes that are not a valid event of the expected kind; a consumer terminates such a message. */
export class MalformedEvent extends Error {
  override name = 'MalformedEvent'
}

/**
 * Reads an event of a known kind.
 *
 * @throws MalformedEvent when it is not JSON or not of the event's schema
 */
export function decodeEvent<N extends CallEventName>(name: N, bytes: Uint8Array): CallEvent<N> {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new MalformedEvent(`a ${name} event is not JSON`, { cause })
  }
  const parsed = schemas.get(name)!.safeParse(json)
  if (!parsed.success) throw new MalformedEvent(`a ${name} event breaks its schema: ${z.prettifyError(parsed.error)}`)
  return parsed.data as unknown as CallEvent<N>
}
