import type { CallView } from '../api/audit-queries.ts'
import { callIdTimeMs } from '../ids.ts'
import { isJsonObject, type Json } from '../json.ts'
import type { CallFields } from './common.ts'

/** Where a call stands: its newest event. */
export interface Standing {
  state: string
  updatedAt: string
  /** Reason or error code, where it did not go well. */
  code?: string | undefined
  /** When it was stored as requested, where that is known; else the time in its id tells, if it has one. */
  requestedAt?: string | undefined
}

/** Makes the row of a call in a list; the one place that does, whatever the list is made from. */
export function callRow(call: Omit<CallFields, 'method'>, { state, updatedAt, code, requestedAt }: Standing): CallView {
  const { callId, tenant, server, tool, principal, digest } = call
  const began = callIdTimeMs(callId)
  const asked = requestedAt ?? (began === undefined ? undefined : new Date(began).toISOString())
  return {
    callId,
    tenant,
    server,
    tool,
    principal,
    digest,
    state,
    ...(asked === undefined ? {} : { requestedAt: asked }),
    updatedAt,
    ...(code === undefined ? {} : { code }),
  }
}

/** The reason or error code in an event's data, where it has one. */
export function failureCodeOf(data: Json | undefined): string | undefined {
  if (!isJsonObject(data)) return undefined
  const failure = data.reason ?? data.error
  return isJsonObject(failure) && typeof failure.code === 'string' ? failure.code : undefined
}
