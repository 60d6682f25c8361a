import { isIP } from 'node:net'
import { isJsonObject, type JsonObject } from '@countersign/contracts'
import type { ExportedRecord } from '../open-entry.ts'
import { eventOf } from './without-content.ts'

/** What every format says of a record in words of its own. */
export interface Facts {
  /** When it happened, ISO 8601. */
  time: string
  result: 'success' | 'failure' | 'unknown' | undefined
  /** Code and words, where it did not end well. */
  reason: { code: string; message: string } | undefined
  /** One line for people. */
  summary: string
  trace: { traceId: string; spanId: string } | undefined
  /** Of a call, where they travel in the event. */
  arguments: JsonObject | undefined
  /** The IP address that an activity came from, where there is one and no other. */
  address: string | undefined
  /** How often an activity happened from when to when, ISO 8601, where that was counted over a while. */
  counted: { count: number; since: string; until: string } | undefined
}

const traceparentForm = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/

export function factsOf(exported: ExportedRecord): Facts {
  const { event, who, what, server, outcome, time, storedAt, ...others } = exported.sealed.record
  const resource = 'resource' in others ? others.resource : undefined
  const cloudEvent = eventOf(exported) ?? {}
  const data = isJsonObject(cloudEvent['data']) ? cloudEvent['data'] : {}
  const given = isJsonObject(data['arguments']) ? data['arguments']['inline'] : undefined
  const [, traceId, spanId] = traceparentForm.exec(String(cloudEvent['traceparent'] ?? '')) ?? []
  const about = what ? `${server}/${what.tool}` : (resource?.name ?? server ?? 'Countersign')
  return {
    time: time ?? storedAt,
    result: resultOf(event, outcome),
    reason: outcome?.reason,
    summary: `${event} ${about}${who ? ` for ${who.principal}` : ''}${outcome?.reason ? `: ${outcome.reason.message}` : ''}`,
    trace: traceId !== undefined && spanId !== undefined ? { traceId, spanId } : undefined,
    arguments: isJsonObject(given) ? given : undefined,
    address: what ? undefined : addressOf(data),
    counted: what ? undefined : countedOf(data),
  }
}

type Outcome = ExportedRecord['sealed']['record']['outcome']

function resultOf(event: string, outcome: Outcome): Facts['result'] {
  if (!outcome) return undefined
  if (event === 'unknown' || event === 'resolved') return 'unknown'
  return outcome.status === 'succeeded' && outcome.toolError !== true ? 'success' : 'failure'
}

function addressOf({ address, addresses }: JsonObject): string | undefined {
  const [only, ...more] = Array.isArray(addresses) ? addresses : []
  const found = address ?? (isJsonObject(only) && more.length === 0 ? only['address'] : undefined)
  return typeof found === 'string' && isIP(found) !== 0 ? found : undefined
}

function countedOf({ count, since, until }: JsonObject): Facts['counted'] {
  return typeof count === 'number' && typeof since === 'string' && typeof until === 'string'
    ? { count, since, until }
    : undefined
}
