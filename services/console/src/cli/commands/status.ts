import type { StatusAnswer } from '../../api/gather-status.ts'
import { exits } from '../cli-error.ts'
import { checkArguments, type Command } from '../command.ts'
import { approvalRows, contentRows } from '../status/content-rows.ts'
import { exportRows, exportsAreCalm } from '../status/export-rows.ts'
import { gatewayFinding } from '../doctor/gateway-finding.ts'
import { findLocalInfo } from '../connect/find-console.ts'
import type { Cell } from '../output/table.ts'
import { ago, count } from '../output/times.ts'

export const status: Command = {
  name: 'status',
  forms: [{ usage: 'status', summary: 'Whether everything works, and what waits' }],
  details: [
    'Exit code 1 when something is in the way of calls, or the list of users cannot be used; `countersign doctor` says more.',
  ],
  async run({ args, out, client, nowMs, where }) {
    checkArguments(args, 0, 0, 'status')
    const console = await client('operator')
    const answer = await console.get<StatusAnswer>('/status')
    // Only a local Countersign says where its gateway is.
    const local = await findLocalInfo(where).catch(() => undefined)
    const gateway = local && local.info.console === console.target.url ? await gatewayFinding(local) : undefined
    const ok = answer.ok && gateway?.verdict !== 'bad'
    if (out.forPrograms) out.json({ ...answer, ok })
    const { servers, policies, bus } = answer
    const calm =
      servers.ready === servers.total &&
      servers.quarantinedTools === 0 &&
      !servers.withoutPolicy &&
      !policies?.problems &&
      exportsAreCalm(answer) &&
      !answer.unknownCalls &&
      !answer.approvals?.late &&
      contentRows(answer).length === 0 &&
      !bus.faults?.length
    out.line('Countersign at ', console.target.url, ': ', verdict(ok, calm))
    const gatewayRow = gateway ? [['gateway', { text: gateway.message, style: gateway.verdict }] as const] : []
    out.fields([...gatewayRow, ...rows(answer, nowMs)])
    if (!ok || !calm) out.line('find out more with: countersign doctor')
    return ok ? exits.ok : exits.negative
  },
}

function verdict(ok: boolean, calm: boolean): Cell {
  if (!ok) return { text: 'something is wrong', style: 'bad' }
  return calm ? { text: 'everything works', style: 'good' } : { text: 'works, with warnings', style: 'warn' }
}

function busStanding({ connected, answers }: StatusAnswer['bus']): string {
  if (!connected) return 'away'
  return answers ? 'connected' : 'connected, but nats-server does not answer, so no call is taken, decided or run'
}

function rows(answer: StatusAnswer, nowMs: number): (readonly [string, ...Cell[]])[] {
  const { bus, services, users, servers, policies, newCalls, audit, unknownCalls } = answer
  const good = (ok: boolean, text: string, style: 'bad' | 'warn' = 'bad'): Cell => ({
    text,
    style: ok ? 'good' : style,
  })
  return [
    ['bus', good(bus.connected && bus.answers, busStanding(bus))],
    ...(bus.faults ?? []).map(({ what, problem }) => ['bus', good(false, `${what}: ${problem}`, 'warn')] as const),
    ...(users?.faults ?? []).map(({ what, problem }) => ['users', good(false, `${what}: ${problem}`)] as const),
    ...services.map(
      ({ name, answers, message }) =>
        [name, good(answers, answers ? 'answers' : (message ?? 'does not answer'))] as const,
    ),
    [
      'servers',
      good(servers.ready === servers.total, `${servers.ready} of ${servers.total} ready`, 'warn'),
      ...(servers.quarantinedTools > 0
        ? [
            ', ',
            good(
              false,
              `${count(servers.quarantinedTools, 'changed tool')} quarantined: countersign servers accept`,
              'warn',
            ),
          ]
        : []),
      ...(servers.withoutPolicy
        ? [', ', good(false, `${servers.withoutPolicy} ready, but mentioned by no policy: countersign servers`, 'warn')]
        : []),
    ],
    ...(policies
      ? [
          [
            'policies',
            policies.revision === null
              ? good(false, 'none in force: every call is denied')
              : `${policies.count} in force`,
            ...(policies.problems > 0
              ? [
                  ', ',
                  good(false, `${count(policies.problems, 'problem')} in newer ones: countersign policies`, 'warn'),
                ]
              : []),
          ] as const,
        ]
      : []),
    ...(newCalls?.taken === false ? [['new calls', good(false, `refused, because ${newCalls.reason}`)] as const] : []),
    ...(audit
      ? [
          [
            'audit log',
            ...(audit.problem === undefined ? [] : [good(false, `cannot record: ${audit.problem}`), '; ']),
            `${count(audit.size, 'record')} sealed${audit.sealedAt ? `, the last ${ago(audit.sealedAt, nowMs)}` : ''}`,
            ...(audit.lag ? [`, ${audit.lag} to go`] : []),
          ] as const,
        ]
      : []),
    ...exportRows(answer, nowMs),
    ...contentRows(answer),
    ...approvalRows(answer, nowMs),
    ...(unknownCalls
      ? [
          [
            'unknown',
            good(false, `${count(unknownCalls, 'call')} may or may not have run`, 'warn'),
            ': countersign calls --state unknown',
          ] as const,
        ]
      : []),
  ]
}
