import type { ParseArgsOptionsConfig } from 'node:util'
import { resolveCallId } from '../calls/call-ids.ts'
import type { Client } from '../connect/client.ts'
import { type Invocation, oneOf } from '../command.ts'
import { timesOf } from '../output/times.ts'

const plain = ['principal', 'agent', 'server', 'tool', 'outcome', 'rule', 'approver', 'text'] as const

/** Options that say which records or calls of the log are meant. */
export const auditFilterOptions: ParseArgsOptionsConfig = Object.fromEntries(
  ['call', ...plain, 'since', 'until'].map((name) => [name, { type: 'string' }]),
)

export const auditFilterHelp = {
  '--call ID': 'only this call',
  '--principal, --server, --tool': 'only of these',
  '--agent NAME': 'only what came through this agent',
  '--outcome EVENT': 'only this event: denied, succeeded, failed …',
  '--rule NAME': 'only calls on which this rule had a say: <policy>/<rule>, or the rule alone',
  '--approver NAME': 'only calls that this person voted on',
  '--text WORDS': 'only calls whose arguments have all these words; word* for how one begins',
  '--since, --until TIME': '15m, 2h, 7d ago, or an instant',
} as const

/** The filters of a command line, as the API takes them. @throws CliError for a time that is none or a call that is not there */
export async function auditFilters(
  { option, nowMs }: Invocation,
  client: Client,
): Promise<Record<string, string | undefined>> {
  const [typed, outcome] = [option('call'), option('outcome')]
  const { since, until } = timesOf(option, nowMs)
  if (outcome !== undefined) {
    // Loaded only here: the rest of the command does without, and starts sooner.
    const { recordedEvents } = await import('../../recorded-events.ts')
    oneOf(outcome, recordedEvents, '--outcome')
  }
  return {
    callId: typed === undefined ? undefined : await resolveCallId(client, typed, 'all'),
    ...Object.fromEntries(plain.map((name) => [name, option(name)])),
    since,
    until,
  }
}
