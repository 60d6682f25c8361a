import { z } from 'zod'
import { Instant } from './call/common.ts'

/** CloudEvents 1.0 in structured JSON mode. */
export const eventContentType = 'application/cloudevents+json'

/** One event as it is stored: a CloudEvent. */
export interface Envelope<D> {
  specversion: '1.0'
  id: string
  /** `/services/<name>`: the service that wrote it. */
  source: string
  type: string
  /** What it is about: the call id, or the name of what was acted on. */
  subject: string
  time: string
  datacontenttype: 'application/json'
  /** W3C trace context of the first hop, of events of calls. */
  traceparent?: string
  data: D
}

/** The CloudEvents `type` of an event of a table. */
export function envelopeType(table: 'call' | 'activity', name: string): string {
  return `dev.countersign.${table}.${name}.v1`
}

/**
 * The envelope around `data`, for the wire schema; unknown members are tolerated.
 *
 * @param optional members that only some tables have
 */
export function envelopeOf<D extends z.ZodType, O extends z.ZodRawShape>(type: string, data: D, optional: O) {
  return z.looseObject({
    specversion: z.literal('1.0'),
    id: z.string().min(1).max(128),
    source: z.string().min(1),
    type: z.literal(type),
    subject: z.string(),
    time: Instant,
    datacontenttype: z.literal('application/json'),
    ...optional,
    data,
  })
}

/** Puts data into its envelope. */
export function wrap<D>(
  {
    writer,
    traceparent,
    now,
    ...named
  }: Pick<Envelope<D>, 'id' | 'type' | 'subject'> & {
    writer: string
    now: Date
    traceparent?: string | undefined
  },
  data: D,
): Envelope<D> {
  return {
    specversion: '1.0',
    id: named.id,
    source: `/services/${writer}`,
    type: named.type,
    subject: named.subject,
    time: now.toISOString(),
    datacontenttype: 'application/json',
    ...(traceparent === undefined ? {} : { traceparent }),
    data,
  }
}
