import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callFieldsOf, type CallEventName, digestOf, History, makeEvent } from '@countersign/contracts'
import { allowedFixture, callFixture, newGrantSigner, requestedFixture } from '@countersign/testing'
import { checkHistory } from './check-history.ts'

const signer = newGrantSigner()
const args = { a: 1 }
const definitionDigest = digestOf({})
const now = new Date()

/** A good history, with ways to break it. */
function history(
  edit: { names?: CallEventName[]; claims?: object; allowedArgs?: object; signature?: string } = {},
): History {
  const call = callFixture({}, args)
  const fields = callFieldsOf(call)
  const allowed = allowedFixture(signer, call, args, { definitionDigest, ...edit.claims })
  if (edit.allowedArgs) allowed.arguments = { inline: edit.allowedArgs as never }
  if (edit.signature) allowed.grant.signature = edit.signature
  const all = {
    requested: makeEvent('requested', requestedFixture(call, args), { now }),
    allowed: makeEvent('allowed', allowed, { now }),
    denied: makeEvent('denied', { ...fields, reason: { code: 'policy', message: 'no' } }, { now }),
    dispatched: makeEvent('dispatched', { ...fields, executor: 'e', attempt: 1, definitionDigest }, { now }),
    succeeded: makeEvent(
      'succeeded',
      { ...fields, result: { inline: {} }, resultDigest: digestOf({}), toolError: false, durationMs: 1 },
      { now },
    ),
  }
  const names = edit.names ?? ['requested', 'allowed', 'dispatched', 'succeeded']
  return new History(names.map((name, index) => ({ seq: index + 1, name, event: all[name as keyof typeof all] })))
}

test('the checker of histories passes a good one and names what is wrong with each broken one', () => {
  assert.deepEqual(checkHistory(history(), signer.publicPem), [])
  for (const [edit, invariant] of [
    [{ names: ['requested', 'allowed', 'dispatched'] }, 'I5'],
    [{ names: ['requested', 'dispatched', 'succeeded'] }, 'I1'],
    [{ names: ['allowed', 'dispatched', 'succeeded'] }, 'I2'],
    [{ names: ['requested', 'denied', 'allowed', 'dispatched', 'succeeded'] }, 'I2'],
    [{ names: ['requested', 'allowed', 'dispatched', 'dispatched', 'succeeded'] }, 'I6'],
    [{ names: ['requested', 'allowed', 'dispatched', 'succeeded', 'succeeded'] }, 'I5'],
    [{ claims: { tool: 'other' } }, 'I4'],
    [{ claims: { digest: digestOf({ a: 2 }) } }, 'I3'],
    [{ allowedArgs: { a: 2 } }, 'I3'],
    [{ signature: 'AAAA' }, 'I1'],
  ] as const) {
    const problems = checkHistory(history(edit as never), signer.publicPem)
    assert.ok(
      problems.some((problem) => problem.startsWith(invariant)),
      `${JSON.stringify(edit)} → ${JSON.stringify(problems)}`,
    )
  }
})
