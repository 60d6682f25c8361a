import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { check } from './check.ts'
import { asyncApiFile, compareVersions, type ContractFiles } from './compare-versions.ts'
import { generate } from './generate.ts'

const generated = generate()
const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`

/** Today's contract with one file changed. */
function changed(file: string, change: (content: any) => void): ContractFiles {
  const content = JSON.parse(generated.get(file)!)
  change(content)
  return new Map(generated).set(file, json(content))
}

function repository(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'proto-'))
  t.after(() => rmSync(root, { recursive: true }))
  const git = (...args: string[]) => {
    const env = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', PATH: process.env.PATH }
    const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.com']
    execFileSync('git', [...who, ...args], { cwd: root, env, stdio: 'ignore' })
  }
  const write = (files: ContractFiles) => {
    for (const [file, text] of files) {
      mkdirSync(dirname(join(root, 'proto', file)), { recursive: true })
      writeFileSync(join(root, 'proto', file), text)
    }
  }
  const commit = (files: ContractFiles) => {
    write(files)
    git('add', '.')
    git('commit', '-m', 'x')
  }
  return { root, git, write, commit }
}

test('R2: what is checked in is what is generated', () => {
  const root = fileURLToPath(new URL('../../../..', import.meta.url))
  assert.deepEqual(check(root, generated).problems, [])
})

test('R2: a file that is missing, other or left over is named', (t) => {
  const { root, write } = repository(t)
  write(new Map([...changed('schemas/held.v1.json', (schema) => (schema.title = 'x')), ['schemas/old.v1.json', '{}']]))
  rmSync(join(root, 'proto', 'subjects.md'))
  const { problems, notes } = check(root, generated)
  assert.equal(problems.length, 3)
  assert.match(
    problems.join('\n'),
    /held\.v1\.json is not what the contracts say[\s\S]*subjects\.md is missing|subjects\.md is missing[\s\S]*held\.v1\.json/,
  )
  assert.match(problems.join('\n'), /old\.v1\.json is not generated any more/)
  assert.match(notes[0]!, /no git repository|no earlier version/)
})

test('R2: a break against the last commit is found in the working tree, and after it was committed too', (t) => {
  const { root, git, write, commit } = repository(t)
  git('init', '-q')
  commit(changed('schemas/held.v1.json', (schema) => (schema.properties.data.properties.urgency = { type: 'string' })))
  write(generated)
  const inTree = check(root, generated).problems
  assert.equal(inTree.length, 1)
  assert.match(inTree[0]!, /schemas\/held\.v1\.json#\/properties\/data\/properties\/urgency: the property was removed/)
  commit(generated)
  assert.deepEqual(check(root, generated).problems, inTree)
  // Commits that do not touch the contract change nothing about that.
  git('commit', '--allow-empty', '-m', 'later')
  assert.deepEqual(check(root, generated).problems, inTree)
})

test('R2: an announced break passes and is said; an addition passes silently', (t) => {
  const { root, git, commit } = repository(t)
  git('init', '-q')
  commit(
    new Map([
      ...changed('schemas/held.v1.json', (schema) => (schema.properties.data.properties.urgency = { type: 'string' })),
      ['CHANGES.md', '- breaking: `schemas/held.v1.json#/properties/data/properties/urgency`, nobody wrote it'],
    ]),
  )
  commit(generated)
  const { problems, notes } = check(root, generated)
  assert.deepEqual(problems, [])
  assert.match(notes.join('\n'), /announced break: schemas\/held/)
  const added = changed(
    'schemas/held.v1.json',
    (schema) => (schema.properties.data.properties.more = { type: 'string' }),
  )
  commit(added)
  assert.deepEqual(check(root, added).problems, [])
})

test('R2: an event, a channel or a subject cannot go away', () => {
  const without = new Map(generated)
  without.delete('schemas/voted.v1.json')
  assert.deepEqual(compareVersions(generated, without), [
    { file: 'schemas/voted.v1.json', at: '/', why: 'the file was removed' },
  ])
  const found = (change: (document: any) => void) =>
    compareVersions(generated, changed(asyncApiFile, change)).map(({ at, why }) => `${at} ${why}`)
  assert.deepEqual(
    found((document) => (document.info.version = '1.0.1')),
    [],
  )
  assert.deepEqual(
    found((document) => (document.channels['call.held'].address = 'calls.held')),
    ['/channels/call.held/address it was changed'],
  )
  assert.deepEqual(
    found((document) => delete document.channels['call.held'].parameters.tenant),
    ['/channels/call.held/parameters/tenant it was removed'],
  )
  assert.deepEqual(
    found((document) => delete document.operations['policy.receive.call.voted'])[0],
    '/operations/policy.receive.call.voted it was removed',
  )
})

test('R2: every reference of the AsyncAPI document leads somewhere, and who sends is who writes', () => {
  const document = JSON.parse(generated.get(asyncApiFile)!)
  const references = JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)
  for (const [, reference] of references) {
    if (reference!.startsWith('./')) assert.ok(generated.has(reference!.slice(2)), reference)
    else
      assert.ok(
        reference!
          .slice(2)
          .split('/')
          .reduce((inner, key) => inner?.[key], document),
        reference,
      )
  }
  const operations = Object.keys(document.operations)
  assert.ok(operations.includes('gateway.send.call.requested'))
  assert.deepEqual(
    operations.filter((id) => id.startsWith('agent-executor.receive.')),
    ['agent-executor.receive.call.allowed'],
  )
  assert.equal(operations.filter((id) => id.startsWith('audit.receive.call.')).length, 12)
  assert.equal(operations.filter((id) => id.startsWith('audit.receive.activity.')).length, 18)
  assert.ok(operations.includes('audit.receive.lifecycle.event'))
})
