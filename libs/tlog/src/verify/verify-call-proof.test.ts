import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { CallProof } from '@countersign/contracts'
import { callIdOfName, privateKey, type Story, wholeCalls, writeLog } from '../../test/records.ts'
import { verifierKey } from '../note/keys.ts'
import { proveCallFrom } from './prove-call.ts'
import { verifyCallProof } from './verify-call-proof.ts'

const publicKey = createPublicKey(privateKey)
const trusted = [verifierKey(publicKey, 'countersign.dev/audit/default')]

test('the proof among the examples of the wire contract verifies', () => {
  const path = new URL('../../../../proto/examples/call-proof/valid-approved-call.json', import.meta.url)
  const { events, logSize, callId, complete } = verifyCallProof(readFileSync(path, 'utf8'))
  assert.deepEqual(
    events.map(({ event }) => event),
    ['requested', 'held', 'voted', 'allowed', 'dispatched', 'succeeded'],
  )
  assert.deepEqual([logSize, callId, complete], [6, '01a202b2-c500-7a3c-9b1e-5d2f40c6e871', true])
})

test('I8: a proof that events were left out of is refused where that shows, and where it cannot it says that it is not all', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-proof-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const told = (call: string, ...events: string[]): Story => events.map((event) => ({ call, event }))
  await writeLog(dir, [
    ...wholeCalls(3),
    ...told('refused', 'requested', 'held', 'voted', 'denied'),
    ...told('ruled', 'requested', 'allowed', 'dispatched', 'unknown', 'resolved'),
    ...told('open', 'requested', 'held'),
  ])
  const proofOf = async (call: string) => (await proveCallFrom({ dir }, callIdOfName(call)))!
  const only = ({ entries, ...rest }: CallProof, ...places: number[]) => {
    const proven = verifyCallProof(JSON.stringify({ ...rest, entries: places.map((place) => entries[place]) }), trusted)
    return [proven.complete, ...proven.events.map(({ event }) => event)]
  }
  const whole = await proofOf('3 1')
  assert.deepEqual(only(whole, 0, 1, 2, 3), [true, 'requested', 'allowed', 'dispatched', 'succeeded'])
  // What the end is missing of cannot be told from a call that is still open.
  assert.deepEqual(only(whole, 0), [false, 'requested'])
  assert.deepEqual(only(whole, 0, 1, 2), [false, 'requested', 'allowed', 'dispatched'])
  assert.deepEqual(only(await proofOf('open'), 0, 1), [false, 'requested', 'held'])
  assert.deepEqual(only(await proofOf('refused'), 0, 1, 2), [false, 'requested', 'held', 'voted'])
  assert.deepEqual(only(await proofOf('refused'), 0, 1, 2, 3)[0], true)
  // An operator may rule on what is unknown.
  assert.equal(only(await proofOf('ruled'), 0, 1, 2, 3)[0], false)
  assert.equal(only(await proofOf('ruled'), 0, 1, 2, 3, 4)[0], true)
  for (const [places, reason] of [
    [[3], /it begins in the middle of the call, with succeeded: what came before is missing/],
    [[1, 2, 3], /it begins in the middle of the call, with allowed/],
    [[0, 3], /succeeded may not follow requested: something is missing between them/],
    [[0, 2, 3], /dispatched may not follow requested/],
  ] as const)
    assert.throws(() => only(whole, ...places), reason, String(places))
  const ruled = await proofOf('ruled')
  assert.throws(() => only(ruled, 0, 1, 2, 4), /resolved may not follow dispatched/)
})

test('I8: a proof is not taken for one of the log that the key was given out for', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-proof-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  await writeLog(
    dir,
    wholeCalls(2, () => 'acme'),
  )
  const proof = JSON.stringify(await proveCallFrom({ dir }, callIdOfName('2 1')))
  assert.throws(() => verifyCallProof(proof, trusted), /it is the log countersign\.dev\/audit\/acme, and the key/)
  for (const name of ['countersign.dev/audit/acme', 'any'])
    assert.equal(verifyCallProof(proof, [verifierKey(publicKey, name)]).tenant, 'acme')
})
