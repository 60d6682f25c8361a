import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AuditRecordV3, type HoldView, type JsonObject, newCallId, verbs } from '@countersign/contracts'
import { countersign } from './cli-process.ts'
import { startConsole } from './console-fixture.ts'

const callId = newCallId(Date.now())
const digest = `sha256:${'a'.repeat(64)}`

/** A record as the console is answered it. */
function record(seq: number, event: string, data: JsonObject, more: Partial<AuditRecordV3> = {}): AuditRecordV3 {
  return {
    ...{ version: 3, kind: 'call', tenant: 'default', event, storedAt: new Date(1.8e12 + seq).toISOString() },
    stream: { name: 'CALLS', seq, previous: seq - 1, created: 'x' },
    cloudEvent: { data },
    ...more,
  }
}

/** Content of a call of ann whose key is gone. */
const withoutKey = (seq: number) =>
  record(
    seq,
    'requested',
    { tool: 'write_file', principal: 'ann', arguments: { inline: '[erased]' } },
    {
      ...{ server: 'files', callId: newCallId(Date.now()), who: { principal: 'ann', actor: 'gateway' } },
      encrypted: [{ path: '/data/arguments/inline', digest }],
    },
  )

test('R13, R28: doctor tells content whose key was lost from content that was erased', async (t) => {
  const console = await startConsole(t)
  const { audit } = console
  const doctor = async () => (await countersign(console, 'doctor')).stdout
  audit.seal(withoutKey(1))
  const lost =
    /look {2}subject keys +the content of 1 of 1 record looked at cannot be read, as of record 0 of ann: its key is not there.*\n +→ keys were lost.* put the folder COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR back from a backup/
  assert.match(await doctor(), lost)
  const erased = (seq: number, name: string) =>
    record(seq, 'erased', { resource: { type: 'person', name } }, { kind: 'activity' })
  audit.seal(erased(2, 'bob'))
  assert.match(await doctor(), /subject keys +the content of 1 of 2 records/)
  audit.seal(erased(3, 'ann'))
  assert.doesNotMatch(await doctor(), /subject keys/)
  // What was sealed after an erasure has a key of its own, and should still have it.
  audit.seal(withoutKey(4))
  assert.match(await doctor(), /subject keys +the content of 1 of 4 records looked at cannot be read, as of record 3 /)
  const month = new Date(1.8e12).toISOString().slice(0, 7)
  audit.seal(
    record(5, 'expired', { resource: { type: 'retention', name: 'arguments' }, before: month }, { kind: 'activity' }),
  )
  assert.doesNotMatch(await doctor(), /subject keys/)
  // A loss that was declared is no finding any more.
  const nextMonth = 40 * 24 * 3600 * 1000
  audit.seal(withoutKey(nextMonth))
  assert.match(await doctor(), /subject keys +the content of 1 of 6 records/)
  audit.seal(record(nextMonth + 1, 'keys_lost', { resource: { type: 'keys', name: 'subjects' } }, { kind: 'activity' }))
  assert.doesNotMatch(await doctor(), /subject keys/)
})

test('R13, R33: status and doctor say what is not well with index, files, witnesses and waiting calls, and what to do', async (t) => {
  const console = await startConsole(t)
  const { audit, auditBus: bus, policy } = console
  const told = async () => {
    const [{ stdout: status, exit }, { stdout: doctor }] = [
      await countersign(console, 'status'),
      await countersign(console, 'doctor'),
    ]
    return { status, doctor, exit }
  }
  audit.seal(record(1, 'signed_in', {}, { kind: 'activity' }))
  const well = await told()
  assert.doesNotMatch(well.status, /^ {2}(index|retention|witnesses)|waiting,/m)
  assert.match(well.doctor, /ok {4}audit index +has 0 of 1 record\n/)
  assert.doesNotMatch(well.doctor, /legal holds/)

  audit.faults = [{ what: 'retention file', problem: 'line 4: no', remedy: 'correct it' }]
  audit.witnessed = { size: 0, at: null, problem: 'witness.example did not answer' }
  audit.indexProblem = 'connect ECONNREFUSED'
  const hour = 3_600_000
  const at = (ms: number) => new Date(Date.now() + ms).toISOString()
  policy.hold({ heldAt: at(-3 * hour), expiresAt: at(hour) })
  policy.hold()
  const hold = (id: number, subject: string | null): HoldView => ({
    ...{ id, tenant: 'default', subject, reason: 'r', placedBy: 'operator', placedAt: at(0) },
  })
  bus.serveApi(
    verbs.audit.holds,
    () => ({ holds: [hold(3, 'ann'), hold(4, null), { ...hold(5, 'bob'), callId }] }),
    (error) => assert.fail(String(error)),
  )
  const ill = await told()
  for (const shown of [
    / index +does not follow the log: connect ECONNREFUSED: countersign doctor\n/,
    / retention file +line 4: no: countersign doctor\n/,
    / witnesses +have cosigned 0 of 1 record: witness\.example did not answer: countersign doctor\n/,
    / approvals +2 waiting, the first for 3h, 1 of them past half of the time they have: countersign approvals\n/,
  ])
    assert.match(ill.status, shown)
  for (const shown of [
    /look {2}retention file +line 4: no\n +→ correct it\n/,
    /look {2}audit index +does not follow the log, 1 record behind: connect ECONNREFUSED; .*\n +→ it is tried again by itself/,
    /ok {4}legal holds +3 holds in force, so nothing of theirs is erased: 3 over ann since .*; 4 over the whole tenant since .*; 5 over call [0-9a-f-]{36} of bob since /,
  ])
    assert.match(ill.doctor, shown)
})

test('an index that is far behind is told, and one that is catching up is not', async (t) => {
  const console = await startConsole(t)
  const { audit } = console
  for (let seq = 1; seq <= 1001; seq++) audit.seal(record(seq, 'signed_in', {}, { kind: 'activity' }))
  const status = async () => (await countersign(console, 'status')).stdout
  assert.match(await status(), / index +1001 records behind the log: countersign doctor\n/)
  assert.match((await countersign(console, 'doctor')).stdout, /look {2}audit index +1001 records behind; /)
  audit.indexed = 1
  assert.doesNotMatch(await status(), / index /)
})
