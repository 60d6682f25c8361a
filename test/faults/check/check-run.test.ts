import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalJson, digestOf, type JsonObject, maxInlineBytes, newCallId } from '@countersign/contracts'
import { newGrantSigner } from '@countersign/testing'
import { checkRun } from './check-run.ts'
import { auditComplete } from './rules/audit-complete.ts'
import { neverLate } from './rules/never-late.ts'
import { goodRun, historyOf, seal, type Spoilable } from './good-run.ts'

const args = { n: 1, text: 'call 1' }

/** Replaces the one history, and what is sealed and stored of it. */
function rewrite(run: Spoilable, ...[names, idempotent]: Parameters<typeof withEvents>): void {
  const history = withEvents(names, idempotent)
  run.calls = new Map([[history.last!.event.data.callId, history]])
  run.log = seal(history)
  run.published = structuredClone(run.log)
  run.stored = []
  run.told = []
}

const withEvents = (names: Parameters<typeof historyOf>[0], idempotent = false) => historyOf(names, args, idempotent)

/** Later than the grants of a good run are good for. */
const inTwoMinutes = () => new Date(Date.now() + 120_000).toISOString()

/** Each way in which a run can be wrong, and the rule that must say so. */
const broken: [what: string, rule: string, spoil: (run: Spoilable) => void][] = [
  [
    'two calls of one request',
    'one call a request',
    (run) => run.calls.set(newCallId(0), withEvents(['requested', 'denied'])),
  ],
  [
    'an event after the end',
    'I2',
    (run) => rewrite(run, ['requested', 'denied', 'allowed', 'dispatched', 'succeeded']),
  ],
  ['two decisions', 'I2', (run) => rewrite(run, ['requested', 'allowed', 'allowed', 'dispatched', 'succeeded'])],
  ['two endings', 'I5', (run) => rewrite(run, ['requested', 'allowed', 'dispatched', 'succeeded', 'succeeded'])],
  ['a call left open', 'I5', (run) => rewrite(run, ['requested', 'allowed', 'dispatched'])],
  ['dispatched without a grant', 'I1', (run) => rewrite(run, ['requested', 'dispatched', 'succeeded'])],
  ['a grant that does not verify', 'I1', (run) => (run.grantPublicPem = newGrantSigner().publicPem)],
  [
    'dispatched twice and not idempotent',
    'I6',
    (run) => rewrite(run, ['requested', 'allowed', 'dispatched', 'dispatched', 'succeeded']),
  ],
  ['dispatched when the grant was over, as CALLS says', 'I4', (run) => (run.stored[2]!.storedAt = inTwoMinutes())],
  [
    'dispatched when the grant was over, as the log says',
    'I4',
    (run) => {
      run.stored = []
      run.log[2]!.record.storedAt = inTwoMinutes()
    },
  ],
  ['received, and there is no such call', 'I1', (run) => (run.received[0]!.n = 2)],
  ['received, and not dispatched', 'I1', (run) => rewrite(run, ['requested', 'cancelled'])],
  ['received oftener than dispatched', 'I1', (run) => run.received.push(run.received[0]!)],
  ['received twice and not idempotent', 'I6', (run) => run.received.push(run.received[0]!)],
  ['received with other arguments', 'I3', (run) => receive(run, { n: 1, text: 'other' })],
  [
    'received as another text',
    'I3',
    (run) => (run.received[0]!.body = run.received[0]!.body.replace('"n":1', '"n": 1')),
  ],
  ['received by another tool', 'I3', (run) => (run.received[0]!.tool = 'read_file')],
  ['succeeded, and never received', 'I5', (run) => (run.received = [])],
  ['a final event without its record', 'I8 unsealed', (run) => (run.log.pop(), run.published.pop())],
  ['a record of something else', 'I8 record', (run) => (run.stored[0]!.digest = 'sha256:other')],
  ['a record of other large arguments', 'I8 record', (run) => storeByReference(run, largeArguments, { n: 2 })],
  ['a gap in the sequences', 'I8 gap', (run) => (run.log[3]!.record.stream.seq = 5)],
  ['an entry twice', 'I8 log', (run) => run.log.push(run.log[3]!)],
  ['an entry at the place of another', 'I8 log', (run) => (run.log[3]!.index = 4)],
  ['an entry that does not follow', 'I8 log', (run) => (run.log[2]!.record.stream.previous = 1)],
  ['a log that does not verify', 'I8 log', (run) => (run.logProblem = 'default/checkpoint: it is not signed')],
  ['a record that is not published', 'I8 AUDIT', (run) => run.published.pop()],
  ['a record published twice', 'I8 AUDIT', (run) => run.published.push(run.published[3]!)],
  ['another record published', 'I8 AUDIT', (run) => (run.published[1]!.leafHash = 'f'.repeat(44))],
  ['a record published at the place of another', 'I8 AUDIT', (run) => (run.published[1]!.index = 2)],
  ['told denied', 'told', (run) => tell(run, { status: 'denied', code: 'policy' })],
  [
    'told denied for another reason',
    'told',
    (run) => tellOf(run, ['requested', 'denied'], { status: 'denied', code: 'expired' }),
  ],
  ['told cancelled', 'told', (run) => tell(run, { status: 'cancelled' })],
  ['told unknown', 'told', (run) => tell(run, { status: 'unknown' })],
  ['told failed', 'told', (run) => tell(run, { status: 'failed', code: 'upstream_died' })],
  ['told that it waits', 'told', (run) => tell(run, { status: 'pending' })],
  ['told another result', 'told', (run) => tell(run, { content: '[]' })],
  ["told another call's id", 'told', (run) => tell(run, { callId: newCallId(0) })],
  ['told a result where there is none', 'told', (run) => tellOf(run, ['requested', 'denied'], {})],
  ['told what is no answer', 'told', (run) => tell(run, { status: 'lost' })],
  ['told a result of no call', 'told', (run) => (run.told[0]!.n = 2)],
  ['told that the tool server refused', 'told', (run) => tell(run, { status: 'failed', code: 'upstream_error' })],
  ['told refused', 'told', (run) => tell(run, { status: 'refused', code: 'audit_behind', callId: undefined })],
]

const largeArguments = { n: 1, text: 'x'.repeat(maxInlineBytes) }

/** Has arguments stored by reference, and some in the record in the place of that. */
function storeByReference(run: Spoilable, args: JsonObject, recorded: JsonObject): void {
  const { cloudEvent } = run.log[0]!.record
  const data = cloudEvent['data'] as JsonObject
  const digest = digestOf(args)
  const stored = { ref: digest, digest, size: Buffer.byteLength(canonicalJson(args)) }
  run.stored[0]!.digest = digestOf({ ...cloudEvent, data: { ...data, arguments: { stored } } })
  data['arguments'] = { inline: recorded }
}

/** Has the tool server receive these arguments, as the text that they are. */
function receive(run: Spoilable, received: { n: number; text: string }): void {
  Object.assign(run.received[0]!, { arguments: received, body: canonicalJson(received) })
}

/** Another history, of which the caller is told what was told of the good one, but for this. */
function tellOf(run: Spoilable, names: Parameters<typeof historyOf>[0], answer: object): void {
  const { told } = run
  rewrite(run, names)
  run.told = told
  tell(run, { callId: [...run.calls.keys()][0], ...answer })
}

function tell(run: Spoilable, answer: object): void {
  Object.assign(run.told[0]!.answer, answer)
}

test('R18: the checker passes a run in which nothing is wrong', () => {
  assert.deepEqual(checkRun(goodRun()), [])
})

test('the checker passes an idempotent call that was sent twice', () => {
  const run = goodRun()
  rewrite(run, ['requested', 'allowed', 'dispatched', 'dispatched', 'succeeded'], true)
  run.received.push(run.received[0]!)
  assert.deepEqual(checkRun(run), [])
})

test('the checker passes a record that has large arguments in the place of their reference', () => {
  const run = goodRun()
  storeByReference(run, largeArguments, largeArguments)
  assert.deepEqual(auditComplete(run), [])
})

test('the checker passes an answer that says no more than is known', () => {
  const again = goodRun()
  again.told[0]!.asked = 2
  tell(again, { status: 'refused', code: 'audit_behind', callId: undefined })
  assert.deepEqual(checkRun(again), [])
  const run = goodRun()
  tell(run, { status: 'unknown', code: 'store_unavailable', callId: undefined })
  assert.deepEqual(checkRun(run), [])
})

test('R18: the checker finds what was received after its end, where nothing may be', () => {
  const run = goodRun()
  assert.deepEqual(neverLate(run), [])
  run.received[0]!.at = inTwoMinutes()
  assert.deepEqual(
    neverLate(run).map(({ rule }) => rule),
    ['I5 late'],
  )
})

for (const [what, rule, spoil] of broken) {
  test(`R18: the checker finds ${what}`, () => {
    const run = goodRun()
    spoil(run)
    const rules = checkRun(run).map((violation) => violation.rule)
    assert.ok(rules.includes(rule), `${rule} is not among ${JSON.stringify(rules)}`)
  })
}

test('the checker looks away from calls that the harness itself broke', () => {
  const run = goodRun()
  const history = withEvents(['requested'])
  const { callId } = history.last!.event.data
  run.calls.set(callId, history)
  assert.notDeepEqual(checkRun(run), [])
  run.poisoned.add(callId)
  assert.deepEqual(checkRun(run), [])
})
