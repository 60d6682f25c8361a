import { shortIds, waitingApprovals } from '../calls/call-ids.ts'
import { exits } from '../cli-error.ts'
import { checkArguments, type Command } from '../command.ts'
import { nameColumn } from '../output/table.ts'
import { until } from '../output/times.ts'

export const approvals: Command = {
  name: 'approvals',
  forms: [{ usage: 'approvals', summary: 'Calls that wait for people' }],
  details: ['Operators see all of them, others those they may vote on (--as approver).'],
  async run({ args, out, client, nowMs }) {
    checkArguments(args, 0, 0, 'approvals')
    const { approvals: found, more } = await waitingApprovals(await client('operator'))
    if (out.forPrograms) {
      out.json({ approvals: found, more })
      return exits.ok
    }
    if (found.length === 0) {
      out.line('no call waits for approval')
      return exits.ok
    }
    const short = shortIds(found.map(({ callId }) => callId))
    out.table(
      [
        { head: 'CALL' },
        nameColumn('WHO'),
        { head: 'SERVER' },
        nameColumn('TOOL'),
        { head: 'ARGUMENTS', shrinks: true },
        { head: 'APPROVED' },
        { head: 'EXPIRES' },
      ],
      found.map(({ callId, principal, server, tool, arguments: content, votes, quorum, expiresAt }) => [
        { text: short(callId), style: 'strong' },
        principal,
        server,
        tool,
        content === null ? '(large)' : JSON.stringify(content),
        `${votes.filter(({ vote }) => vote === 'approve').length} of ${quorum}`,
        until(expiresAt, nowMs),
      ]),
    )
    out.line()
    if (more) out.line('more calls may wait than are listed; these are the oldest')
    out.line(
      `look at one and decide: countersign approve ${short(found[0]!.callId)}   or: countersign reject ${short(found[0]!.callId)}`,
    )
    return exits.ok
  },
}
