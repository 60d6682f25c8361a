import { callIdTimeMs, CountersignError, hiddenMark, redactedMark } from '@countersign/contracts'
import type { HeldCall } from '@countersign/subject-keys'
import type { IndexedLog } from '../index/log-index.ts'
import { ask } from '../query/ask.ts'

/**
 * Finds whose a call is and which months' keys its content is encrypted with. An id that says when the call began says the month; the events
 * of a call under an idempotency key have keys of the months in which they were stored, and more may come.
 *
 * @throws CountersignError `unknown_call` for a call that the log does not have, `invalid_params` for one that does not say whose it is
 */
export async function findHeldCall(
  { database, log }: IndexedLog,
  callId: string,
  now: Date,
): Promise<HeldCall & { subject: string }> {
  const records = await ask((deadline) =>
    database
      .selectFrom('records')
      .select(['principal', 'stored_at'])
      .where('log', '=', log)
      .where('call_id', '=', callId)
      .orderBy('index')
      .limit(1)
      .execute(deadline),
  )
  const [first] = records
  if (!first) throw new CountersignError('unknown_call', `the audit log has no call ${callId}`)
  const { principal: subject, stored_at: storedAt } = first
  if (subject === null || [redactedMark, hiddenMark].includes(subject)) {
    throw new CountersignError(
      'invalid_params',
      `the log does not say on whose behalf call ${callId} was made; place the hold over a subject, or over the whole tenant`,
    )
  }
  const beganMs = callIdTimeMs(callId)
  const fromPeriod = monthOf(new Date(Math.min(beganMs ?? Number.POSITIVE_INFINITY, storedAt.getTime())))
  const toPeriod = beganMs === undefined ? monthOf(monthAfter(now)) : monthOf(new Date(beganMs))
  return { callId, subject, fromPeriod, toPeriod }
}

function monthOf(time: Date): string {
  return time.toISOString().slice(0, 'yyyy-mm'.length)
}

function monthAfter(time: Date): Date {
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + 1))
}
