import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '../src/cli/commands/all.ts'
import { formsMeant, wordsOf } from '../src/cli/command-forms.ts'
import { countersign } from './cli-process.ts'
import { startConsole } from './console-fixture.ts'

const nowhere = { dir: '/' }

test('R13: wrong usage shows the form that was meant, and how to see all', async () => {
  for (const [args, said] of [
    [
      ['audit', 'story'],
      /an argument is missing\n +write: countersign audit story <call>\n +more: +countersign help audit story\n$/,
    ],
    [
      ['audit', 'story', 'a', '--limit', '3'],
      /^countersign: audit story takes no --limit\n +write: countersign audit story <call>\n/,
    ],
    [
      ['audit', 'hold', 'drop'],
      /"drop" is not one of [^]*hold place .*\n +or: +.*hold lift .*\n +or: +.*hold list\n +more: .* audit hold\n$/,
    ],
    [
      ['audit', '--colour'],
      /unknown option '--colour'\n +write: countersign audit \[.*\n +more: +countersign help audit\n$/,
    ],
    [['audit', 'bogus'], /there is no "audit bogus".*one of: story, .*hold\n +see: countersign help audit\n$/],
    [
      ['audit', 'top', 'outcome'],
      /cannot be outcome.*\n +how calls ended is their state: countersign audit top state\n$/,
    ],
    [
      ['audit', 'top', 'colour'],
      /must be one of: principal, .*approver, and "colour" is not\n +write: countersign audit top /,
    ],
    [['servers', 'files', '--yes'], /^countersign: servers takes no --yes\n +write: countersign servers \[name\]\n/],
    [['calls', '--since', '1h', '--until', '2h'], /--since 1h is not before --until 2h/],
    [['exports'], /no command "exports"\n +did you mean: countersign audit exports {3}/],
    [['stauts'], /did you mean: countersign status {3}/],
    [['nonsense'], /no command "nonsense"\n +see: countersign help\n$/],
    [['--as', 'operator', 'status'], /--as stands where a command has to be: options come after it/],
  ] as const) {
    const { exit, stdout, stderr } = await countersign(nowhere, ...args)
    assert.deepEqual([exit === 2 || exit === 3, stdout], [true, ''], args.join(' '))
    assert.match(stderr, said, args.join(' '))
    assert.ok(stderr.split('\n').length <= 6, stderr)
  }
})

test('every form is found by its own words, its options are those of its command, and help shows each on a line of 80 columns', async () => {
  for (const command of commands) {
    for (const form of command.forms) {
      const meant = formsMeant(command, wordsOf(form).slice(1))
      assert.ok(meant.includes(form), form.usage)
      for (const option of form.options ?? []) assert.ok(Object.hasOwn(command.options ?? {}, option), option)
    }
    const helped = Object.keys(command.optionHelp ?? {}).join(' ')
    const own = Object.keys(command.options ?? {})
    for (const option of own) assert.match(helped, new RegExp(`--${option}\\b`), `${command.name} --${option}`)
  }
  const { stdout } = await countersign(nowhere, 'help')
  for (const line of stdout.split('\n')) assert.ok(line.length <= 90, line)
  const forms = stdout.split('\n').filter((line) => /^ {2}[a-z]/.test(line))
  assert.equal(forms.length, commands.flatMap((command) => command.forms).length)
  for (const line of forms) assert.ok(line.length <= 80, line)
  const one = await countersign(nowhere, 'help', 'audit', 'hold', 'lift')
  assert.match(one.stdout, /^countersign audit hold lift <id> --reason TEXT\n {2}End a legal hold\n/)
  assert.doesNotMatch(one.stdout, /--bucket|hold place/)
  assert.equal((await countersign(nowhere, 'audit', 'hold', 'lift', '--help')).stdout, one.stdout)
})

test('R13: a value that cannot be is refused with those that can, and a name that nobody ever had is said to be one', async (t) => {
  const console = await startConsole(t)
  assert.equal((await countersign(console, 'audit')).stdout, 'no records yet\n')
  const call = await console.request()
  await console.seal(call)
  const impossible = await countersign(console, 'audit', '--outcome', 'bogus')
  assert.equal(impossible.exit, 2)
  assert.match(impossible.stderr, /--outcome must be one of: requested, .*signed_in.*, and "bogus" is not\n/)
  const { status, body } = await console.get('operator', '/audit/records?outcome=bogus')
  assert.deepEqual([status, body.error.code], [400, 'invalid_params'])
  assert.match(body.error.message, /`outcome` must be `requested`, `held`, .*`, not "bogus"$/)

  const never = (thing: string, name: string) =>
    `the log has no ${thing} "${name}"; those that it has: countersign audit top ${thing}\n`
  const { server, tool, principal } = call
  for (const [args, said] of [
    [['audit', '--tool', 'nope', '--server', server], `no records\n${never('tool', 'nope')}`],
    [['audit', '--principal', 'nobody', '--tool', tool], `no records\n${never('principal', 'nobody')}`],
    [['audit', '--principal', principal, '--outcome', 'denied'], 'no records\n'],
    [['calls', '--server', 'nope'], `no calls\n${never('server', 'nope')}`],
  ] as const) {
    const { exit, stdout, stderr } = await countersign(console, ...args)
    assert.deepEqual([exit, stdout], [0, said], stderr)
  }
  // What is not indexed yet may have the name.
  console.audit.behind = 1
  assert.doesNotMatch((await countersign(console, 'audit', '--tool', 'nope')).stdout, /the log has no/)
  console.audit.behind = 0
  const json = (await countersign(console, 'audit', '--tool', 'nope', '--json')).json()
  assert.deepEqual([json.records, json.size], [[], 1])
})
