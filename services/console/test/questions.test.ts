import assert from 'node:assert/strict'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { run } from '../src/cli/run.ts'
import { countersign } from './cli-process.ts'
import { type Console, serverFixture, startConsole, toolFixtures } from './console-fixture.ts'

const ctrlC = '\u0003'
const ctrlD = '\u0004'
/** The terminal goes away. */
const hangUp = ''

/** A command at a terminal, where somebody presses keys when they are asked; without keys nobody is asked. */
async function atTerminal({ dir }: Pick<Console, 'dir'>, args: string[], keys?: string) {
  const [input, output, errors] = [new PassThrough(), new PassThrough(), new PassThrough()]
  for (const each of [input, output]) Object.assign(each, { isTTY: true, columns: 100 })
  const said = { shown: '', problem: '' }
  output.setEncoding('utf8').on('data', (text: string) => (said.shown += text))
  errors.setEncoding('utf8').on('data', (text: string) => (said.problem += text))
  const ended = run([...args, '--state', join(dir, '.countersign')], output, errors, input)
  if (keys !== undefined) {
    await until(() => said.shown.includes('[y/N]'), 'it asks')
    if (keys === hangUp) input.end()
    else input.write(keys)
  }
  const exit = await ended
  await until(() => output.readableLength + errors.readableLength === 0, 'all is read')
  return { exit, ...said }
}

const noes: [keys: string, exit: number, problem: string][] = [
  [ctrlC, 130, 'countersign: interrupted: '],
  [`ye${ctrlC}`, 130, 'countersign: interrupted: '],
  [ctrlD, 1, 'countersign: '],
  [hangUp, 1, 'countersign: '],
  ['\r', 1, 'countersign: '],
  ['n\r', 1, 'countersign: '],
  ['yesterday\r', 1, 'countersign: '],
]

test('R36: only a yes at the terminal votes; Ctrl-C and Ctrl-D say that no vote was cast', async (t) => {
  const console = await startConsole(t)
  const { callId } = console.policy.hold()
  for (const decision of ['approve', 'reject']) {
    for (const [keys, exit, problem] of noes) {
      const no = await atTerminal(console, [decision, callId], keys)
      assert.deepEqual([no.exit, no.problem], [exit, `${problem}no vote was cast\n`])
      assert.match(no.shown, /\n$/, 'the next prompt of the shell has a line of its own')
    }
  }
  assert.deepEqual(console.policy.held.get(callId)!.votes, [])
  const yes = await atTerminal(console, ['approve', callId], 'y\r')
  assert.deepEqual([yes.exit, yes.problem], [0, ''])
  const other = console.policy.hold()
  assert.equal((await atTerminal(console, ['reject', other.callId, '--yes'])).exit, 0)
  const third = console.policy.hold()
  assert.equal((await atTerminal(console, ['approve', third.callId, '--json'])).exit, 0)
})

test('R38: an id may be shortened by who is asked before the vote while it is not ambiguous, and by nobody else', async (t) => {
  const console = await startConsole(t)
  const { held } = console.policy
  const [first, second] = ['0199a0b0-1111-7000-8000-000000000000', '0199a0b0-2222-7000-8000-000000000000']
  for (const callId of [first, second]) console.policy.hold({ callId })
  const unattended = [
    await countersign(console, 'approve', '0199a0b0-2'),
    await countersign(console, 'reject', '0199A0B0-2', '--yes'),
    await atTerminal(console, ['reject', '0199a0b0-2', '--yes']).then(({ exit, problem }) => ({
      exit,
      stderr: problem,
    })),
    await atTerminal(console, ['approve', '0199a0b0-2', '--json']).then(({ exit, problem }) => ({
      exit,
      stderr: problem,
    })),
  ]
  for (const { exit, stderr } of unattended) {
    assert.equal(exit, 2)
    assert.match(stderr, /only the beginning of a call id, .*so no vote was cast/)
    assert.match(stderr, /countersign approvals --json/)
  }
  const ambiguous = await atTerminal(console, ['approve', '0199a0b0'])
  assert.equal(ambiguous.exit, 2)
  assert.match(ambiguous.problem, /2 calls begin with 0199a0b0/)
  assert.equal((await atTerminal(console, ['approve', 'ffff'])).exit, 4)
  for (const callId of [first, second]) assert.deepEqual(held.get(callId)!.votes, [])
  const { exit, shown } = await atTerminal(console, ['reject', '0199a0b0-2'], 'y\r')
  assert.equal(exit, 0)
  assert.ok(shown.includes(second))
  assert.deepEqual([held.get(first)!.state, held.get(second)!.state], ['waiting', 'denied'])
  // One that ended is found too, to say how.
  const call = await console.request()
  await console.seal(call)
  const { callId: ended } = call
  console.policy.hold({ callId: ended, state: 'denied' })
  const late = await atTerminal(console, ['approve', ended.slice(0, 23)])
  assert.equal(late.exit, 1)
  assert.match(late.problem, new RegExp(`countersign call ${ended}`))
})

test('R36: a change is accepted after a yes at the terminal; --yes does not ask', async (t) => {
  const console = await startConsole(t)
  await console.register(serverFixture(), toolFixtures())
  await until(
    async () => (await console.get('operator', '/servers/files')).body.tools?.length === 2,
    'the registry arrives',
  )
  const accept = ['servers', 'accept', 'files', 'write_file']
  for (const [keys, exit] of noes) {
    const no = await atTerminal(console, accept, keys)
    assert.equal(no.exit, exit)
    assert.match(no.shown, /\+ "Writes anything anywhere"[^]*accept this definition of write_file\? \[y\/N\]/)
    assert.match(no.problem, /nothing was accepted\n$/)
  }
  assert.deepEqual(console.lifecycle.accepted, [])
  assert.equal((await atTerminal(console, accept, 'yes\r')).exit, 0)
  assert.equal((await atTerminal(console, [...accept, '--yes'])).exit, 0)
  assert.equal(console.lifecycle.accepted.length, 2)
})
