import type { CallView } from '@countersign/contracts'
import type { Client } from '../connect/client.ts'
import { count } from '../output/times.ts'
import { bad, failure, type Finding, firstOf, good, warn } from './finding.ts'

/** Refused grants older than this say nothing about now. */
const refusedWithinMs = 15 * 60_000
const most = 100

/** Calls that may or may not have run: one finding, however many they are. */
export async function unknownFinding(console: Client): Promise<Finding> {
  let calls: CallView[]
  try {
    calls = await callsOf(console, { state: 'unknown' })
  } catch (error) {
    return failure('unknown calls', error, `look at ${console.target.places.logOf('audit')}`)
  }
  if (calls.length === 0) return good('unknown calls', 'none')
  const shown = firstOf(calls.map(({ callId, server, tool }) => `${callId} (${server}: ${tool})`))
  const id = calls.length === 1 ? calls[0]!.callId : '<call>'
  return warn(
    'unknown calls',
    `${calls.length === most ? 'at least ' : ''}${count(calls.length, 'call')} may or may not have run, so no agent must ask again before a person found out: ${shown}`,
    `look at what the tool changes, then: countersign resolve ${id} --outcome ran|did_not_run --evidence TEXT${calls.length === 1 ? '' : '   all of them: countersign calls --state unknown'}`,
  )
}

/** Grants that executors refused lately: their keys, or clocks, do not match policy's. */
export async function* grantFindings(console: Client): AsyncGenerator<Finding> {
  let calls: CallView[]
  try {
    calls = await callsOf(console, { state: 'failed', since: new Date(Date.now() - refusedWithinMs).toISOString() })
  } catch (error) {
    yield failure('grant keys', error, `look at ${console.target.places.logOf('audit')}`)
    return
  }
  const refused = calls.filter(({ code }) => code === 'grant_invalid')
  if (refused.length === 0) return
  yield bad(
    'grant keys',
    `${count(refused.length, 'call')} of the last 15 minutes failed because an executor refused the grant (${refused[0]!.callId}), so calls may not run`,
    `see why: countersign call ${refused[0]!.callId}   If no known key verifies it, add the public key of COUNTERSIGN_GRANT_KEY_FILE to COUNTERSIGN_GRANT_PUBLIC_KEYS_FILE of the executors; on one machine: npm run rotate-keys`,
  )
}

async function callsOf(console: Client, query: Record<string, string>): Promise<CallView[]> {
  return (await console.get<{ calls: CallView[] }>('/calls', { ...query, limit: most })).calls
}
