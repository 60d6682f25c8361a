import type { Bus } from '@countersign/bus'
import {
  type CallEvent,
  count,
  CountersignError,
  errorRow,
  type Failure,
  isJsonObject,
  type JsonObject,
} from '@countersign/contracts'
import { metaKeys } from '@countersign/mcp'
import type { Outcome } from './await-outcome.ts'
import { unknownTool } from './resolve-target.ts'

/** The member of a result's `_meta` that names the call, for looking it up later. */
export const callIdMeta = 'countersign.dev/callId'

/** What the answer says about the call it is for. */
export interface ReplyContext {
  callId: string
  /** The name the caller used. */
  name: string
  /** The caller can see the tool; if not, a denial must not tell that it exists (I10). */
  visible: () => Promise<boolean>
  /** The call has an idempotency key, which answers for it from now on. */
  keyed: boolean
}

/** What a tool server says of itself and of its hop; it is not true of the hop to the caller. */
const hopMeta = new Set<string>(Object.values(metaKeys))
/** Codes of calls that did not run and may be asked for anew once something else was done. */
const askedAnew = new Set(['invalid_arguments', 'cancelled', 'quarantined', 'definition_changed'])

/**
 * Turns where a call stands into the result of `tools/call`: the tool's own result as the executor took it, or, in its place, a result that
 * says what happened and what to do next.
 *
 * @throws CountersignError `unknown_tool`, which travels as a JSON-RPC error
 */
export async function reply(bus: Bus, outcome: Outcome, context: ReplyContext): Promise<JsonObject> {
  switch (outcome.name) {
    case 'succeeded': {
      const { data } = outcome.event as CallEvent<'succeeded'>
      const result = await bus.payloads.fetch(data.result)
      const meta = isJsonObject(result._meta) ? Object.entries(result._meta) : []
      const kept = Object.fromEntries(meta.filter(([key]) => !hopMeta.has(key)))
      return { ...result, _meta: { ...kept, [callIdMeta]: context.callId } }
    }
    case 'held':
      return pendingResult(outcome.event)
    case 'denied': {
      const { reason, comment } = (outcome.event as CallEvent<'denied'>).data
      // A quarantined tool is in no list; of its change policy tells whoever could see it before.
      const hidden = reason.code !== 'quarantined' && !(await context.visible())
      if (hidden || reason.code === 'unknown_tool') throw unknownTool(context.name)
      const message = comment === undefined ? reason.message : `${reason.message}. They said: ${comment}`
      return endedResult('denied', context, { ...reason, message })
    }
    case 'cancelled': {
      const message = 'The call was withdrawn before it ran; nothing ran.'
      return endedResult('cancelled', context, { code: 'cancelled', message })
    }
    case 'failed': {
      const { error, upstream } = (outcome.event as CallEvent<'failed'>).data
      return endedResult('failed', context, error, upstream ? { upstream: { ...upstream } } : {})
    }
    case 'unknown':
      return unknownResult(context.callId, (outcome.event as CallEvent<'unknown'>).data.error.message)
    case 'resolved': {
      const { outcome: ruling, evidence } = (outcome.event as CallEvent<'resolved'>).data
      const found = ruling === 'ran' ? 'the tool ran, but its result was lost' : 'the tool did not run'
      return ownResult('failed', context.callId, `An operator found that ${found}: ${evidence}`, {
        code: 'outcome_unknown',
      })
    }
    case 'timeout':
      return runningResult(context.callId, 'is not finished yet')
    default:
      throw new CountersignError('internal', `a call cannot be answered at ${outcome.name}`)
  }
}

/** What a held call waits for, like `2 approvals from sre or leads until …`. */
export function neededOf({ groups, quorum, expiresAt }: CallEvent<'held'>['data']['approval']): string {
  return `${count(quorum, 'approval')} from ${groups.join(' or ')} until ${expiresAt}`
}

function pendingResult({ data }: CallEvent<'held'>): JsonObject {
  const { callId, digest, approval, reason } = data
  const text =
    `This call is waiting for approval and has not run. Reason: ${reason} ` +
    `It needs ${neededOf(approval)}. ` +
    `Do not call the tool again. Ask countersign_call_status with callId ${callId} for the outcome.`
  return {
    content: [{ type: 'text', text }],
    structuredContent: {
      status: 'pending',
      callId,
      digest,
      expiresAt: approval.expiresAt,
      message: text,
      approval: { groups: approval.groups, quorum: approval.quorum },
    },
    isError: false,
    _meta: { [callIdMeta]: callId },
  }
}

/**
 * A call that goes on: no error, so that the model does not call the tool again.
 *
 * @param standing how the call stands, like `is held`
 */
export function runningResult(callId: string, standing: string): JsonObject {
  const message = `The call ${callId} ${standing}. Do not call the tool again; ask countersign_call_status with this call id.`
  return { ...ownResult('running', callId, message, { code: 'timeout' }), isError: false }
}

/** A call that ended without a result. With its key the same request gets this answer again, so it is not retryable as it is. */
function endedResult(
  status: string,
  { callId, keyed }: ReplyContext,
  { code, message }: Failure,
  more: JsonObject = {},
) {
  const { retryable } = errorRow(code)
  const anew = keyed && (retryable || askedAnew.has(code))
  const text = anew
    ? `${message} With the same idempotency key you get this answer again for a day; use a new key.`
    : message
  return ownResult(status, callId, text, { code, retryable: retryable && !keyed, ...more })
}

function unknownResult(callId: string, message: string): JsonObject {
  return ownResult(
    'unknown',
    callId,
    `It is not known whether the tool ran: ${message} Do not call it again before an operator has found out what happened to call ${callId}.`,
    { code: 'outcome_unknown' },
  )
}

/** A call of which the store did not say whether it has it: only with its key asking again is safe. */
export function unacknowledgedResult(callId: string, keyed: boolean): JsonObject {
  const next = keyed
    ? 'Ask again with the same idempotency key, which never runs a tool twice.'
    : `Do not call the tool again before you have asked countersign_call_status with callId ${callId}: if there is no such call, nothing ran.`
  return ownResult(
    'unknown',
    callId,
    `The event store did not acknowledge in time, so it is not known whether it took the call ${callId}. ${next}`,
    { code: 'store_unavailable', retryable: keyed },
  )
}

/**
 * A call that is stored, and of which it cannot be told now how it stands: for its caller it goes on. It is not `unknown`, which is for
 * an operator to find out.
 */
export function unansweredResult(callId: string, keyed: boolean, { code }: CountersignError): JsonObject {
  const next = keyed
    ? `Ask again with the same idempotency key, or ask countersign_call_status with callId ${callId}.`
    : `Do not call the tool again: ask countersign_call_status with callId ${callId} for the outcome.`
  const text = `The call ${callId} was taken, and goes on or has ended, but its answer cannot be given now (${code}). ${next}`
  return { ...ownResult('running', callId, text, { code, retryable: keyed }), isError: false }
}

/** A call that was refused before it was stored: there is none to ask about later. */
export function refusedResult({ code, message }: CountersignError): JsonObject {
  const { retryable } = errorRow(code)
  return {
    content: [{ type: 'text', text: message }],
    structuredContent: { status: 'refused', message, code, retryable },
    isError: true,
  }
}

/** A result in the tool's place. Errors are results, not JSON-RPC errors, so that the model reads them. */
export function ownResult(status: string, callId: string, message: string, more: JsonObject = {}): JsonObject {
  return {
    content: [{ type: 'text', text: message }],
    structuredContent: { status, callId, message, ...more },
    isError: true,
    _meta: { [callIdMeta]: callId },
  }
}
