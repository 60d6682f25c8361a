import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CountersignError, type HoldView, verbs } from '@countersign/contracts'
import { type Console, startConsole } from './console-fixture.ts'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

/** A console with an audit that knows one subject, as far as it is asked about erasing. */
async function erasingConsole(t: Parameters<typeof startConsole>[0]) {
  const console = await startConsole(t)
  const erased: string[] = []
  const holds: HoldView[] = []
  const fail = (error: unknown) => assert.fail(String(error))
  const { auditBus: bus } = console
  bus.serveApi(
    verbs.audit.subject,
    ({ subject }) => ({
      subject,
      keys: subject === 'nobody' || erased.includes(subject) ? [] : [{ kind: 'arguments', period: '2026-11' }],
      hold: null,
    }),
    fail,
  )
  bus.serveApi(
    verbs.audit.erase,
    ({ operator, subject, reason }) => {
      if (holds.some((hold) => hold.subject === subject))
        throw new CountersignError('legal_hold', 'a legal hold keeps it')
      erased.push(subject)
      return {
        id: 'e1',
        subject,
        reason,
        by: operator.id,
        at: new Date().toISOString(),
        keys: subject === 'nobody' ? 0 : 1,
        settled: false,
      }
    },
    fail,
  )
  bus.serveApi(verbs.audit.holds, () => ({ holds }), fail)
  bus.serveApi(
    verbs.audit.placeHold,
    ({ operator, subject = 'ann', callId, reason }) => {
      const hold = {
        id: holds.length + 1,
        tenant: operator.tenant,
        subject,
        ...(callId === undefined ? {} : { callId }),
        reason,
        placedBy: operator.id,
        placedAt: new Date().toISOString(),
      }
      holds.push(hold)
      return hold
    },
    fail,
  )
  bus.serveApi(
    verbs.audit.liftHold,
    ({ id }) => {
      const at = holds.findIndex((hold) => hold.id === id)
      if (at < 0) throw new CountersignError('not_found', `there is no legal hold ${id}`)
      return holds.splice(at, 1)[0]!
    },
    fail,
  )
  return { console, erased, holds }
}

/** Runs the command where nobody can be asked anything. */
function countersign({ dir: cwd }: Pick<Console, 'dir'>, ...args: string[]) {
  const env = { PATH: process.env['PATH'] }
  return new Promise<{ exit: number; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(process.execPath, [main, 'audit', ...args], { cwd, env }, (error, stdout, stderr) =>
      resolve({ exit: Number(error?.code ?? 0), stdout, stderr }),
    )
    child.stdin?.end()
  })
}

test('R13, R29: audit erase asks first, says what was done and by which record, and what keeps it from being done', async (t) => {
  const { console, erased, holds } = await erasingConsole(t)
  const call = '01a202b2-c500-7a3c-9b1e-5d2f40c6e871'
  const erase = (...more: string[]) => countersign(console, 'erase', '--subject', 'ann', ...more)
  for (const [asked, reason] of [
    [await countersign(console, 'erase', '--reason', 'r', '--yes'), /--subject is missing/],
    [await erase('--yes'), /--reason is missing/],
    [await erase('--reason', 'r'), /nobody is there to be asked\n +if it is meant, say it again with --yes/],
  ] as const) {
    assert.deepEqual([asked.exit, asked.stdout], [2, ''])
    assert.match(asked.stderr, reason)
  }
  assert.deepEqual(erased, [])
  const placed = await countersign(console, 'hold', 'place', '--subject', 'ann', '--reason', 'case 17')
  assert.match(placed.stdout, /^placed: legal hold 1 over ann; nothing of it is erased/)
  const refused = await erase('--reason', 'r', '--yes')
  assert.deepEqual([refused.exit, refused.stdout, erased], [1, '', []])
  assert.match(
    refused.stderr,
    /a legal hold keeps it \(legal_hold\)\n +list legal holds with: countersign audit hold list/,
  )
  const listed = await countersign(console, 'hold', 'list')
  assert.match(listed.stdout, /ID +OVER +PLACED +BY +REASON\n +1 +ann +.* operator +case 17/)
  assert.deepEqual(JSON.parse((await countersign(console, 'hold', 'list', '--json')).stdout), { holds })
  assert.equal((await countersign(console, 'hold', 'lift', '9', '--reason', 'r')).exit, 4)
  assert.match(
    (await countersign(console, 'hold', 'lift', '1', '--reason', 'r')).stdout,
    /^lifted: legal hold 1 over ann/,
  )
  for (const args of [
    ['place', '--reason', 'r'],
    ['lift', 'x', '--reason', 'r'],
    ['place', '--whole-tenant'],
    ['place', '--subject', 'ann', '--call', call, '--reason', 'r'],
    ['drop'],
  ])
    assert.equal((await countersign(console, 'hold', ...args)).exit, 2, args.join(' '))
  const overCall = await countersign(console, 'hold', 'place', '--call', call, '--reason', 'case 18')
  assert.match(overCall.stdout, /^placed: legal hold \d+ over call 01a202b2-c500-7a3c-9b1e-5d2f40c6e871 of ann;/)
  holds.length = 0
  const done = await erase('--reason', 'r', '--yes')
  assert.match(
    done.stdout,
    /^erased: 1 key of ann, recorded as e1\nthe search index or the record of it lags; .*\nNot reached: /,
  )
  assert.equal(JSON.parse((await erase('--reason', 'r', '--yes', '--json')).stdout).by, 'operator')
  assert.deepEqual(erased, ['ann', 'ann'])
})

test('R13, R29: erasing or holding what nobody ever was is said to be that, wants consent, and is recorded truthfully', async (t) => {
  const { console, erased, holds } = await erasingConsole(t)
  const hold = (...more: string[]) =>
    countersign(console, 'hold', 'place', '--subject', 'nobody', '--reason', 'r', ...more)
  const erase = (subject: string, ...more: string[]) =>
    countersign(console, 'erase', '--subject', subject, '--reason', 'r', ...more)
  const never =
    /The log has nothing under the name nobody \(.*countersign audit top principal\), and nobody is there to be asked\n +.*--yes/
  for (const asked of [await hold(), await erase('nobody')]) {
    assert.deepEqual([asked.exit, asked.stdout], [2, ''])
    assert.match(asked.stderr, never)
  }
  assert.deepEqual([erased, holds], [[], []])
  const nothing = await erase('nobody', '--yes')
  assert.match(nothing.stdout, /^nothing was there to erase: nobody has no key; recorded as e1\n/)
  const placed = await hold('--yes')
  assert.match(
    placed.stdout,
    /^placed: legal hold 1 over nobody; nothing is there yet, and nothing that comes is erased\n/,
  )
  assert.equal((await countersign(console, 'hold', 'place', '--subject', 'ann', '--reason', 'r')).exit, 0)
  assert.equal((await countersign(console, 'hold', 'place', '--whole-tenant', '--reason', 'r')).exit, 0)
  // What is not indexed yet may be of them, so nothing is claimed.
  await console.seal(await console.request({ principal: 'nobody' }))
  console.audit.behind = 1
  assert.match((await erase('nobody')).stderr, /There is nothing of nobody left to erase/)
  const held = await hold()
  assert.match(held.stdout, /over nobody; nothing of it is erased\n/, held.stderr)
  console.audit.behind = 0
  // Their calls are known, and what they said is gone already.
  const call = await console.request({ principal: 'bob' })
  await console.seal(call)
  assert.deepEqual([erased.push('bob'), (await erase('bob')).exit], [2, 2])
  assert.match(
    (await erase('bob')).stderr,
    /There is nothing of bob left to erase: no content of their calls has a key/,
  )
})

test('only operators reach what erases', async (t) => {
  const { console, erased } = await erasingConsole(t)
  const { get, post } = console
  const body = { subject: 'ann', reason: 'r' }
  for (const who of ['agent', 'approver'] as const) {
    assert.equal((await post(who, '/audit/erasures', body)).status, 403)
    assert.equal((await post(who, '/audit/holds', body)).status, 403)
    assert.equal((await post(who, '/audit/holds/1/lifting', { reason: 'r' })).status, 403)
    assert.equal((await get(who, '/audit/holds')).status, 403)
    assert.equal((await get(who, '/audit/subjects?subject=ann')).status, 403)
  }
  assert.deepEqual(erased, [])
  assert.equal((await post('operator', '/audit/erasures', { ...body, more: 1 })).status, 400)
})
