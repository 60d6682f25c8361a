import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readDocuments } from './document.ts'

const good = `apiVersion: mcp.x-k8s.io/v1beta1
kind: MCPServer
metadata: { name: files, namespace: team }
spec:
  source: { type: Command, command: { run: [serve] } }
`

test('a file may hold several documents', () => {
  const { servers, problems } = readDocuments('a.yaml', `# files\n---\n${good}---\n${good.replace('files', 'other')}`)
  assert.deepEqual(problems, [])
  assert.deepEqual(
    servers.map(({ identity: { documentDigest: _digest, limits: _limits, ...identity } }) => identity),
    ['files', 'other'].map((name) => ({ name, tenant: 'team', source: 'Command', transport: 'stdio' })),
  )
})

test('R47: each problem names its place, and nothing of the file is taken', () => {
  const at = (text: string) => {
    const content = readDocuments('a.yaml', text)
    return content.problems.map(({ line, column, message, server }) => `${line}:${column} ${message} (${server})`)
  }
  assert.deepEqual(at(good.replace('run: [serve]', 'run: []')), [
    '5:39 `spec.source.command.run` must not be empty (files)',
  ])
  assert.deepEqual(at(good.replace('kind: MCPServer', 'kind: MCPserver')), ['2:1 `kind` must be `MCPServer` (files)'])
  assert.deepEqual(at(`${good}  confg: {}\n  colour: red\n`), [
    '6:3 unknown key `confg` in `spec`, did you mean `config`? (files)',
    '7:3 unknown key `colour` in `spec`; what may stand here: source, config, limits (files)',
  ])
  assert.deepEqual(at(`${good}  config: { env: [{ name: A, valu: b }] }\n  port: 80\n`), [
    '6:30 unknown key `valu` in `spec.config.env[0]`, did you mean `value`? (files)',
    '7:3 unknown key `port` in `spec`, it belongs under `config` (files)',
  ])
  assert.deepEqual(at(good.replace('run: [serve] }', 'run: [serve] }, url: { url: "http://x" }')), [
    '5:55 `url` does not go with the rest of `spec.source`; remove it (files)',
  ])
  assert.deepEqual(at(good.replace('[serve]', '[serve, 7]')), [
    '5:52 `spec.source.command.run[1]` must be text, not a number (files)',
  ])
  // What is missing because of it is not told too.
  assert.deepEqual(at(good.replace('command:', 'comand:')), [
    '5:28 unknown key `comand` in `spec.source`, did you mean `command`? (files)',
  ])
  assert.match(at(`${good}kind: again\n`)[0]!, /^6:1 .*unique/)
  assert.match(at('')[0]!, /no document/)
  assert.match(at('- a')[0]!, /^1:1 it must be a mapping of keys to values, not a list/)
  assert.match(at(`a: &a [1]\nb: [${'*a, '.repeat(200)}]`)[0]!, /alias/)
  const env = (entry: string) => at(`${good}  config: { env: [{ name: A, value: b }, ${entry}] }\n`)
  assert.deepEqual(env('{ name: B, valueFrom: { file: b } }'), [])
  for (const unclear of ['{ name: B }', '{ name: B, value: b, valueFrom: { file: b } }']) {
    assert.match(env(unclear)[0]!, /^6:42 spec\.config\.env\.1: give either value, or valueFrom\.file for a secret/)
  }
  assert.match(
    at(
      good.replace(
        '{ type: Command, command: { run: [serve] } }',
        '{ type: Url, url: { url: "http://x" } }\n  config: { env: [{ name: A, value: b }] }',
      ),
    )[0]!,
    /^6:3 spec\.config: .*no effect/,
  )
})

test('of a refused document its server is told where that can be seen', () => {
  const { refused } = readDocuments('a.yaml', `${good}  confg: {}\n`)
  assert.deepEqual([refused[0]?.name, refused[0]?.tenant, refused[0]?.source], ['files', 'team', 'Command'])
  assert.deepEqual(readDocuments('a.yaml', 'metadata: {name: files}').refused, [])
})

test('I9: nothing that stands in a document is in what is said of it', () => {
  const env = (value: string) => `${good}  config: { env: [{ name: TOKEN, value: ${value} }] }\n`
  const secrets = ['*hunter2', '"\\hunter2"', 'a, hunter2', '[hunter2]', '{ a: hunter2 }', '@hunter2', 'a]hunter2']
  const urls = ['ftp://u:hunter2@x', 'https://u:hunter2@x/mcp', 'https://x/mcp#hunter2'].map((url) =>
    good.replace('{ type: Command, command: { run: [serve] } }', `{ type: Url, url: { url: "${url}" } }`),
  )
  const behindComma = [
    env('a, hunter2: b'),
    `${good}  config:\n    env:\n      - { name: TOKEN, value: a, hunter2 }\n`,
    good.replace('type: Command', 'type: Command, hunter2'),
  ]
  for (const text of [
    ...secrets.map(env),
    ...behindComma,
    ...urls,
    env('&a').replace('name: TOKEN', 'name: hunter2-'),
  ]) {
    const { problems, servers } = readDocuments('a.yaml', text)
    assert.ok(problems.length > 0 && servers.length === 0, text)
    assert.ok(!JSON.stringify(problems).includes('hunter2'), JSON.stringify(problems))
  }
})
