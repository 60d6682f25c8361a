import type { CallStory } from '@countersign/contracts'
import { describeEvent } from '../../calls/describe-event.ts'
import type { Output } from '../../output/output.ts'
import { stateCell } from '../../output/state-cell.ts'
import type { Cell } from '../../output/table.ts'
import { clock, count, dateAndClock, durationOf, localTimes, sameDay } from '../../output/times.ts'
import { nextStep } from '../../calls/next-step.ts'
import { contentLines } from './content-lines.ts'
import type { CallContent, Hidden } from './content-of-call.ts'
import type { CallEvent } from './read-events.ts'

type Field = readonly [name: string, ...value: Cell[]]
type Step = CallStory['steps'][number]

/** Of a call that begins anew day after day under its idempotency key, the newest records are shown. */
const maxSteps = 100

/** Shows one call: who asked what through whom, who decided, what came of it, and each record that says so. */
export function showStory(out: Output, story: CallStory, content: CallContent, events: readonly CallEvent[]): void {
  const { call, rules, traceId, outcome } = story
  out.line(
    { text: `${call.principal} called ${call.server}: ${call.tool}`, style: 'strong' },
    '  ',
    stateCell(call.state),
  )
  out.fields([
    ...askedFields(story),
    ...rules.map(({ policy, rule, effect, reason, error, shadow }): Field => [
      'rule',
      `${policy}/${rule}: ${effect}${shadow ? ', not applied (shadow)' : ''}`,
      reason ? `, ${reason}` : '',
      error ? `, because its condition failed: ${error}` : '',
    ]),
    ...voteFields(story, events),
    ...endFields(story),
    ...(outcome?.ruling === undefined ? [] : [rulingField(story)]),
    ...hiddenFields(content.hidden),
    ['call', call.callId],
    ['digest', call.digest],
    ...[...new Set(rules.map(({ policyRevision }) => policyRevision))].map((each): Field => ['policies', each]),
    ...(traceId === undefined ? [] : [['trace', traceId] as const]),
  ])
  for (const part of ['arguments', 'result'] as const) {
    const said = content[part]
    if (said === undefined) continue
    out.line()
    out.line({ text: part, style: 'faint' })
    for (const line of contentLines(said)) out.line('    ', line)
  }
  out.line()
  showSteps(out, story.steps, events)
  const next = nextStep(call.state, call.callId)
  if (next !== undefined) out.line(next)
}

function askedFields({ steps, groups, agents, call: { principal } }: CallStory): Field[] {
  const [first] = steps
  const through = agents.join(', ')
  return [
    ['asked', first ? dateAndClock(first.time ?? first.storedAt) : '', groups ? ` (groups: ${groups.join(', ')})` : ''],
    ['through', through, through === principal ? ', nobody in between' : ''],
  ]
}

/** Votes with what was said; the words stand in the events. */
function voteFields({ approvals, steps }: CallStory, events: readonly CallEvent[]): Field[] {
  const held = instantOf(steps, 'held')
  return approvals.map(({ approver, vote, at }) => {
    const said = events.find(({ data }) => data['approver'] === approver && typeof data['comment'] === 'string')
    const comment = said ? `, "${String(said.data['comment'])}"` : ''
    const after = held === undefined ? '' : `, ${durationOf(Date.parse(at) - held)} after it was held`
    return [
      'vote',
      { text: `${approver}: ${vote}`, style: vote === 'approve' ? 'good' : 'bad' },
      `${comment}, ${dateAndClock(at)}${after}`,
    ]
  })
}

/** Whether it ran, where and for how long, and how it ended. */
function endFields({ steps, outcome }: CallStory): Field[] {
  const sent = steps.filter(({ event }) => event === 'dispatched')
  const last = sent.at(-1)?.execution
  const took = steps.findLast(({ execution }) => execution?.durationMs !== undefined)?.execution?.durationMs
  const ran: Field[] = sent.length === 0 ? [] : [['ran', ranCell(sent.length, last, took)]]
  if (!outcome) return [...ran, ['ended', { text: 'not yet', style: 'warn' }]]
  const { reason, toolError } = outcome
  return [
    ...(ran.length > 0 ? ran : [['ran', 'it was never sent to the tool server'] as const]),
    ['ended', ...endedCells(steps)],
    ...(toolError ? [['error', { text: 'the tool itself reports an error', style: 'bad' }] as const] : []),
    ...(reason ? [['reason', `${reason.code}: ${localTimes(reason.message)}`] as const] : []),
  ]
}

function ranCell(attempts: number, execution: Step['execution'], tookMs: number | undefined): string {
  const took = tookMs === undefined ? '' : ` in ${durationOf(tookMs)}`
  const tries = attempts === 1 ? 'once' : `in ${count(attempts, 'attempt')}`
  return `${tries}${took}${execution?.executor ? `, by executor ${execution.executor}` : ''}`
}

function endedCells(steps: readonly Step[]): Cell[] {
  const [first, last] = [steps[0]!, steps.at(-1)!]
  const tookMs = Date.parse(last.time ?? last.storedAt) - Date.parse(first.time ?? first.storedAt)
  return [dateAndClock(last.time ?? last.storedAt), `, ${durationOf(tookMs)} after it was asked`]
}

function rulingField({ outcome, steps }: CallStory): Field {
  const by = steps.findLast(({ event }) => event === 'resolved')?.who?.actor ?? 'an operator'
  const ruling = outcome?.ruling === 'ran' ? 'it ran' : 'it did not run'
  return ['ruling', `${by}: ${ruling}${outcome?.evidence ? `, "${outcome.evidence}"` : ''}`]
}

function hiddenFields({ redacted, erased, unreadable }: Hidden): Field[] {
  const erasedParts = erased.filter((name) => name !== 'grant')
  return [
    ...(redacted.length > 0
      ? [['redacted', { text: redacted.join(', '), style: 'warn' }, ', before it was sealed, by policy'] as const]
      : []),
    ...(erasedParts.length > 0
      ? [
          [
            'erased',
            { text: erasedParts.join(', '), style: 'warn' },
            '; when and by whom: countersign audit --outcome erased, or expired; if neither says so, the key was lost: countersign doctor',
          ] as const,
        ]
      : []),
    ...(unreadable.length > 0
      ? [
          [
            'unreadable',
            { text: unreadable.join(', '), style: 'bad' },
            ': their keys do not open them, so log or keys were changed: countersign audit verify',
          ] as const,
        ]
      : []),
  ]
}

function showSteps(out: Output, steps: readonly Step[], events: readonly CallEvent[]): void {
  const saying = new Map(events.map(({ index, data }) => [index, data]))
  const day = steps[0]?.storedAt
  const shown = steps.slice(-maxSteps)
  if (shown.length < steps.length) {
    out.line({ text: `${steps.length - shown.length} earlier records are left out: --json has all`, style: 'faint' })
  }
  out.table(
    [
      { head: 'INDEX', align: 'right' },
      { head: 'TIME' },
      { head: 'EVENT' },
      { head: 'BY', shrinks: true },
      { head: 'WHAT', shrinks: true },
    ],
    shown.map(({ index, event, storedAt, who }) => [
      String(index),
      sameDay(storedAt, day!) ? clock(storedAt) : dateAndClock(storedAt),
      stateCell(event),
      who?.actor ?? '',
      // Its result stands above.
      event === 'succeeded' ? '' : describeEvent(event, saying.get(index) ?? {}),
    ]),
  )
}

function instantOf(steps: readonly Step[], event: string): number | undefined {
  const step = steps.find((each) => each.event === event)
  return step && Date.parse(step.time ?? step.storedAt)
}
