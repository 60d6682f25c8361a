import assert from 'node:assert/strict'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { run } from '../src/cli/run.ts'
import { startConsole } from './console-fixture.ts'

async function told(...args: string[]) {
  const [out, errors] = [new PassThrough(), new PassThrough()]
  const exit = await run(args, out, errors)
  return { exit, out: String(out.read() ?? ''), error: String(errors.read() ?? '') }
}

test('R13, R36: with --json what went wrong is one object on stderr, with a code, and the exit code is the same', async (t) => {
  const console = await startConsole(t)
  const { callId } = console.policy.hold({ quorum: 2 })
  const state = ['--state', join(console.dir, '.countersign')]
  assert.equal((await told('approve', callId, ...state)).exit, 0)
  const cases: [args: string[], exit: number, code: string, message: RegExp][] = [
    [['nonsense'], 2, 'usage', /^there is no command "nonsense"$/],
    [['status', '--colour'], 2, 'usage', /^status: unknown option/],
    [['approve', ...state], 2, 'usage', /^approve: an argument is missing$/],
    [['calls', '--limit', '0', ...state], 2, 'usage', /^--limit must be/],
    [['calls', '--server', 'Not_A_Label', ...state], 2, 'invalid_params', /^--server /],
    [['status', '--state', '/nowhere'], 3, 'unreachable', /^no Countersign was found/],
    [['servers', 'nowhere', ...state], 4, 'not_found', /no tool server "nowhere"/],
    [['approve', callId, ...state], 1, 'already_voted', /voted already/],
    [['servers', 'accept', 'nowhere', ...state], 4, 'not_found', /no tool server "nowhere"/],
  ]
  for (const [args, exit, code, message] of cases) {
    const people = await told(...args)
    const programs = await told(...args, '--json')
    assert.deepEqual([people.exit, programs.exit, programs.out], [exit, exit, ''], args.join(' '))
    assert.match(programs.error, /^\{.*\}\n$/, 'one line')
    const error = JSON.parse(programs.error) as { code: string; message: string; next?: string }
    assert.equal(error.code, code)
    assert.match(error.message, message)
    assert.ok(people.error.includes(error.message) && people.error.includes(error.next ?? ''), 'the same words')
  }
})
