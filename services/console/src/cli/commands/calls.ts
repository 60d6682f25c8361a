import type { CallView } from '@countersign/contracts'
import { shortIds } from '../calls/call-ids.ts'
import { exits } from '../cli-error.ts'
import { callStates, checkArguments, type Command, countOf, type Invocation, oneOf } from '../command.ts'
import { followCalls } from '../calls/follow-calls.ts'
import { nothingFound } from '../audit/nothing-found.ts'
import { stateCell } from '../output/state-cell.ts'
import { nameColumn } from '../output/table.ts'
import { ago, timesOf } from '../output/times.ts'

const filters = ['state', 'server', 'tool', 'principal'] as const

export const calls: Command = {
  name: 'calls',
  forms: [
    { usage: 'calls [--state STATE] [--server NAME] …', summary: 'Calls, newest first' },
    { usage: 'calls --follow', summary: 'Calls as they happen' },
  ],
  details: [
    'With --follow and --json there is one event a line. A --state that is written like a path (./x, /x) is the state folder.',
  ],
  hasStates: true,
  options: {
    follow: { type: 'boolean', short: 'f' },
    server: { type: 'string' },
    tool: { type: 'string' },
    principal: { type: 'string' },
    since: { type: 'string' },
    until: { type: 'string' },
    limit: { type: 'string' },
    cursor: { type: 'string' },
  },
  optionHelp: {
    '--follow': 'show events as they happen, until Ctrl-C',
    '--state STATE': 'where the call stands: held, denied, succeeded, failed, unknown …',
    '--server, --tool, --principal': 'only calls of these',
    '--since, --until TIME': '15m, 2h, 7d ago, or an instant',
    '--limit N': 'at most so many (20)',
    '--cursor TEXT': 'go on where the page before ended',
  },
  async run(invocation) {
    checkArguments(invocation.args, 0, 0, 'calls')
    const state = invocation.option('state')
    if (state !== undefined) oneOf(state, callStates, '--state')
    return invocation.flag('follow') ? followCalls(invocation) : listCalls(invocation)
  },
}

async function listCalls({ out, client, option, nowMs }: Invocation) {
  const asked = {
    ...Object.fromEntries(filters.map((name) => [name, option(name)])),
    ...timesOf(option, nowMs),
  }
  const console = await client('operator')
  const answer = await console.get<{ calls: CallView[]; next?: string; incomplete?: string }>('/calls', {
    ...asked,
    limit: countOf(option('limit'), 'limit', 1000) ?? 20,
    cursor: option('cursor'),
  })
  if (out.forPrograms) {
    out.json(answer)
    return exits.ok
  }
  const { calls, next, incomplete } = answer
  if (calls.length === 0 && incomplete !== undefined) out.line('no calls')
  else if (calls.length === 0) await nothingFound(out, console, 'calls', asked)
  else {
    const short = shortIds(calls.map(({ callId }) => callId))
    out.table(
      [
        { head: 'CALL' },
        { head: 'STATE' },
        { head: 'SERVER' },
        nameColumn('TOOL'),
        nameColumn('WHO'),
        { head: 'CODE' },
        { head: 'WHEN', align: 'right' },
      ],
      calls.map(({ callId, state, server, tool, principal, code, updatedAt }) => [
        { text: short(callId), style: 'strong' },
        stateCell(state),
        server,
        tool,
        principal,
        code ?? '',
        ago(updatedAt, nowMs),
      ]),
    )
  }
  if (incomplete !== undefined) out.line({ text: incomplete, style: 'warn' })
  if (next !== undefined) out.line({ text: `more with --cursor ${next}`, style: 'faint' })
  return exits.ok
}
