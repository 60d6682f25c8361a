import type { Bus } from '@countersign/bus'
import {
  type CallAddress,
  type CallEvent,
  type CallEventName,
  type CallFields,
  callFieldsOf,
  CountersignError,
  type Failure,
  type JsonObject,
  makeEvent,
  toolResultProblem,
} from '@countersign/contracts'
import type { UpstreamOutcome } from '@countersign/mcp'
import { whatRan } from './what-ran.ts'

/** How a call ended, as the event to be stored says it. */
export type Ending =
  | { name: 'succeeded'; result: JsonObject; toolError: boolean }
  | { name: 'failed'; error: Failure; upstream?: { code: number; message: string } }
  | { name: 'unknown'; error: Failure }

const maxMessage = 2000
/** MCP 2026-07-28: the client lacks a capability that the request needs. */
const missingCapability = -32021
/** HTTP (RFC 6585). */
const tooManyRequests = 429
const wantsToAsk =
  'The tool wants to ask its client something (elicitation, sampling, roots), which is not passed on yet.'

/** Space may come back in a week: its caller, and the calls behind it, are not kept waiting for that. */
const noSpaceForResult = failed(
  'result_too_large',
  'The tool ran, but there is no space left for results of more than 256 KiB, so its result was dropped; ask for less.',
)

/**
 * Names the ending of a call. Where the tool may have run and the answer is missing, only a tool that is safe to repeat has
 * failed; for any other the outcome is unknown (I5, I6).
 *
 * @param idempotent from the grant, which has it from the pinned definition
 * @param attempt which attempt ended so, from 1
 */
export function endingOf(outcome: UpstreamOutcome, idempotent: boolean, attempt: number): Ending {
  const perhapsRan = (code: string, message: string): Ending =>
    idempotent
      ? failed(code, `${message} The tool is safe to call again.`)
      : { name: 'unknown', error: { code: 'outcome_unknown', message } }
  switch (outcome.kind) {
    case 'result': {
      if (outcome.result.resultType !== undefined && outcome.result.resultType !== 'complete') {
        return failed('upstream_refused', wantsToAsk)
      }
      const problem = toolResultProblem(outcome.result)
      if (problem !== undefined) return invalidResult(problem)
      return { name: 'succeeded', result: outcome.result, toolError: outcome.result.isError === true }
    }
    case 'rpc-error': {
      // It speaks of what Countersign can do, not of what the caller can.
      if (outcome.error.code === missingCapability) return failed('upstream_refused', wantsToAsk)
      const upstream = { code: outcome.error.code, message: outcome.error.message.slice(0, maxMessage).toWellFormed() }
      return {
        ...failed('upstream_error', `The tool server answered with error ${upstream.code}: ${upstream.message}`),
        upstream,
      }
    }
    case 'not-sent':
      return failed(
        'upstream_unreachable',
        `The tool server cannot be reached: ${outcome.message}; ${whatRan(attempt)}; ask again later.`,
      )
    case 'refused':
      if (outcome.status === tooManyRequests) {
        return failed(
          'upstream_busy',
          `The tool server takes no more calls for now: ${outcome.message}; ${whatRan(attempt)}; ask again later.`,
        )
      }
      return failed('upstream_refused', `The tool server refused the request: ${outcome.message}.`)
    case 'timeout':
      return perhapsRan('upstream_timeout', 'The tool server did not answer in time.')
    case 'died':
      return perhapsRan('upstream_died', `The connection to the tool server broke during the call: ${outcome.message}.`)
    case 'garbage':
      return perhapsRan('upstream_garbage', `The tool server answered something that is not MCP: ${outcome.message}.`)
    case 'invalid-result':
      return invalidResult(outcome.message)
    case 'cancelled':
      return perhapsRan('cancelled', 'The caller withdrew while the tool was running.')
    case 'too-large':
      return failed(
        'result_too_large',
        `The tool ran, but its result is ${outcome.size} and was dropped; ask for less.`,
      )
  }
}

/** The server said that the tool did its work; only what came of it is lost. */
function invalidResult(problem: string): Ending {
  const message = `The tool ran, but what it answered is no result that MCP has (${problem}) and was dropped.`
  return failed('result_invalid', message.slice(0, maxMessage).toWellFormed())
}

function failed(code: string, message: string): Extract<Ending, { name: 'failed' }> {
  return { name: 'failed', error: { code, message } }
}

/**
 * Stores how a call ended, after the event it follows.
 *
 * @param follows sequence of `dispatched`, or of `allowed` for a call that was refused before anything was sent
 * @param deadlineMs until when to try, in epoch milliseconds
 * @throws LostRace when the call was ended by somebody else
 */
export async function publishOutcome(
  bus: Bus,
  at: CallAddress,
  call: { fields: CallFields; traceparent: string | undefined; durationMs: number },
  ending: Ending,
  follows: number,
  deadlineMs: number,
): Promise<CallEvent> {
  const common = { ...callFieldsOf(call.fields), durationMs: Math.round(call.durationMs * 100) / 100 }
  // An id of its own a claim: an executor that lost its call must not take the winner's ending for its own.
  const context = { now: new Date(), traceparent: call.traceparent, distinct: String(follows) }
  const store = async <N extends CallEventName>(name: N, event: CallEvent<N>): Promise<CallEvent> => {
    await bus.publishEvent(at, name, event, follows, deadlineMs)
    return event
  }
  switch (ending.name) {
    case 'succeeded': {
      const kept = await bus.payloads.carry(ending.result).catch((error: unknown) => {
        if (error instanceof CountersignError && error.code === 'store_full') return undefined
        throw error
      })
      if (!kept) return publishOutcome(bus, at, call, noSpaceForResult, follows, deadlineMs)
      const data = { ...common, result: kept.carried, resultDigest: kept.digest, toolError: ending.toolError }
      return store('succeeded', makeEvent('succeeded', data, context))
    }
    case 'failed': {
      const data = { ...common, error: ending.error, ...(ending.upstream ? { upstream: ending.upstream } : {}) }
      return store('failed', makeEvent('failed', data, context))
    }
    case 'unknown':
      return store('unknown', makeEvent('unknown', { ...common, error: ending.error }, context))
  }
}
