import type { Followed } from '@countersign/bus'
import { CallFields, isJsonObject, type JsonObject, parseCallSubject } from '@countersign/contracts'

/** An event of a call as it is stored. */
export interface StoredCallEvent {
  seq: number
  tenant: string
  event: string
  call: CallFields
  /** The data of the event. */
  data: JsonObject
  /** When it was stored. */
  time: string
}

/** Reads a stored event; undefined for what is not an event of a call. */
export function storedCallEvent({ subject, data, seq, storedAt }: Followed): StoredCallEvent | undefined {
  const at = parseCallSubject(subject)
  if (!at) return undefined
  let stored: unknown
  try {
    stored = JSON.parse(new TextDecoder().decode(data))
  } catch {
    return undefined
  }
  const content = isJsonObject(stored) && isJsonObject(stored.data) ? stored.data : undefined
  const call = CallFields.safeParse(content)
  if (!content || !call.success) return undefined
  return { seq, tenant: at.tenant, event: at.event, call: call.data, data: content, time: storedAt.toISOString() }
}
