import type { CallEventName, JsonObject } from '@countersign/contracts'
import type { CallAnswer } from '../../api/call-answer.ts'
import { CliError, exits } from '../cli-error.ts'
import type { Client } from '../connect/client.ts'
import { describeEvent } from './describe-event.ts'
import { ago } from '../output/times.ts'

/** Where a call stands, as the end of a sentence. */
const standing: Record<CallEventName, string> = {
  requested: 'is being decided',
  held: 'waits for approval',
  previewed: 'waits for approval',
  voted: 'waits for approval',
  allowed: 'was allowed and is about to run',
  denied: 'was denied',
  cancelled: 'was withdrawn by its caller and did not run',
  dispatched: 'was allowed and is running',
  succeeded: 'was allowed and has run',
  failed: 'was allowed, but failed',
  unknown: 'was allowed, and may or may not have run',
  resolved: 'was allowed, and an operator ruled how it ended',
}

/** Events whose own words say why the call ended so. */
const telling: ReadonlySet<string> = new Set(['denied', 'failed', 'unknown', 'resolved'] satisfies CallEventName[])

/**
 * Why there is nothing to vote on: where the call stands, how it ended, and what to do.
 *
 * @param readers whose eyes to look with, one after the other
 */
export async function explainNoVote(callId: string, readers: readonly Client[], nowMs: number): Promise<CliError> {
  const call = await readCall(callId, readers)
  if (!call) {
    return new CliError(exits.notFound, `there is no call ${callId}, or it is not yours to see`, {
      next: 'list what waits with: countersign approvals',
    })
  }
  const { state, events } = call
  const held = events.find(({ event }) => event === 'held')
  const last = events.at(-1)!
  const end = `it ${standing[state as CallEventName] ?? `is at "${state}"`} (${ago(last.time, nowMs)})`
  const why = telling.has(state) ? `: ${describeEvent(state, last.data)}` : ''
  const seeIt = `its history: countersign call ${callId}`
  if (!held) {
    return new CliError(exits.negative, `call ${callId} was never held, so nobody votes on it; ${end}${why}`, {
      next: seeIt,
    })
  }
  if (standing[state as CallEventName] === standing.held) return stillHeld(callId, held.data, readers[0]!, nowMs)
  return new CliError(exits.negative, `call ${callId} does not wait for approval any more; ${end}${why}`, {
    code: 'approval_ended',
    next: `${state === 'denied' ? 'to have it held again, the agent must ask again; ' : ''}${seeIt}`,
  })
}

function stillHeld(callId: string, data: JsonObject, { target }: Client, nowMs: number): CliError {
  const { groups, expiresAt } = data.approval as { groups: string[]; expiresAt: string }
  if (Date.parse(expiresAt) <= nowMs) {
    return new CliError(
      exits.negative,
      `the time to vote on call ${callId} ended ${ago(expiresAt, nowMs)}; it does not run`,
      {
        code: 'approval_ended',
        next: 'to have it held again, the agent must ask again',
      },
    )
  }
  const who = target.identity ? `, not of ${target.identity}` : ', and not of you'
  return new CliError(exits.negative, `call ${callId} waits for the approval of ${groups.join(' or ')}${who}`, {
    code: 'not_an_approver',
    next: target.identity ? 'choose who votes with --as approver or --as approver2' : 'ask one of them',
  })
}

async function readCall(callId: string, readers: readonly Client[]): Promise<CallAnswer | undefined> {
  for (const reader of readers) {
    try {
      return await reader.get<CallAnswer>(`/calls/${callId}`)
    } catch (error) {
      if (!(error instanceof CliError) || error.exit !== exits.notFound) throw error
    }
  }
  return undefined
}
