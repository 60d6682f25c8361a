import { z } from 'zod'
import { type Envelope, envelopeOf, envelopeType, wrap } from '../envelope.ts'
import { type CallEventData, callEvents, type CallEventName } from './events.ts'

/** The CloudEvents `type` of an event of the table. */
export function eventType(name: CallEventName): string {
  return envelopeType('call', name)
}

/** One event of a call's history. */
export interface CallEvent<N extends CallEventName = CallEventName> extends Envelope<CallEventData<N>> {
  /** The call id. */
  subject: string
}

/** The envelope of an event of a call, for the wire schema. */
export function envelopeSchema(name: CallEventName) {
  return envelopeOf(eventType(name), callEvents[name].schema, { traceparent: z.string().optional() })
}

const schemas = new Map(Object.keys(callEvents).map((name) => [name, envelopeSchema(name as CallEventName)]))

/**
 * Makes an event. The id is `<callId>.<event>` plus whatever tells two of the same name apart, so that publishing the same
 * step again is recognised as the same message by the store.
 */
export function makeEvent<N extends CallEventName>(
  name: N,
  data: CallEventData<N>,
  { now, traceparent, distinct }: { now: Date; traceparent?: string | undefined; distinct?: string },
): CallEvent<N> {
  const { callId } = data as { callId: string }
  const id = distinct === undefined ? `${callId}.${name}` : `${callId}.${name}.${distinct}`
  return wrap({ id, writer: callEvents[name].writer, type: eventType(name), subject: callId, now, traceparent }, data)
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
