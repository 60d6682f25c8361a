import type { Bus } from '@countersign/bus'
import {
  type CallEvent,
  count,
  CountersignError,
  errorRow,
  isJsonObject,
  type JsonObject,
} from '@countersign/contracts'
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
}

/**
 * Turns where a call stands into the result of `tools/call`: the tool's own result as it was, or, in its place, a result that
 * says what happened and what to do next.
 *
 * @throws CountersignError for what travels as a JSON-RPC error: an unknown tool, or the tool server's own JSON-RPC error
 */
export async function reply(bus: Bus, outcome: Outcome, context: ReplyContext): Promise<JsonObject> {
  switch (outcome.name) {
    case 'succeeded': {
      const { data } = outcome.event as CallEvent<'succeeded'>
      const result = await bus.payloads.fetch(data.result)
      const meta = isJsonObject(result._meta) ? result._meta : {}
      return { ...result, _meta: { ...meta, [callIdMeta]: context.callId } }
    }
    case 'held':
      return pendingResult(outcome.event)
    case 'denied': {
      const { reason } = (outcome.event as CallEvent<'denied'>).data
      if (reason.code === 'unknown_tool' || !(await context.visible())) throw unknownTool(context.name)
      return ownResult('denied', context.callId, reason.message, { code: reason.code })
    }
    case 'cancelled':
      return ownResult('cancelled', context.callId, 'The call was withdrawn before it ran; nothing ran.', {
        code: 'cancelled',
      })
    case 'failed': {
      const { error, upstream } = (outcome.event as CallEvent<'failed'>).data
      if (upstream) throw new CountersignError('upstream_error', error.message, { details: { ...upstream } })
      return ownResult('failed', context.callId, error.message, {
        code: error.code,
        retryable: errorRow(error.code).retryable,
      })
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
      return ownResult(
        'running',
        context.callId,
        `The call ${context.callId} is not finished yet. Do not call the tool again; ask countersign_call_status with this call id.`,
        { code: 'timeout' },
      )
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

function unknownResult(callId: string, message: string): JsonObject {
  return ownResult(
    'unknown',
    callId,
    `It is not known whether the tool ran: ${message} Do not call it again before an operator has found out what happened to call ${callId}.`,
    { code: 'outcome_unknown' },
  )
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
