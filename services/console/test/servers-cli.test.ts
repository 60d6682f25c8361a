import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { countersign } from './cli-process.ts'
import { serverFixture, startConsole, toolFixtures } from './console-fixture.ts'

test('servers are listed, shown with what changed, and a change is accepted by its digest', async (t) => {
  const console = await startConsole(t)
  assert.match((await countersign(console, 'servers')).stdout, /no tool server yet/)
  const nothing = await countersign(console, 'servers', 'accept')
  assert.deepEqual([nothing.exit, nothing.stdout], [0, 'no changed tool waits to be accepted\n'])
  await console.register(serverFixture(), toolFixtures())
  await until(
    async () => (await console.get('operator', '/servers/files')).body.tools?.length === 2,
    'the registry arrives',
  )
  assert.match((await countersign(console, 'servers')).stdout, /files +ready +Url +2025-11-25 +2 +1 +0/)
  const one = await countersign(console, 'servers', 'files')
  assert.match(one.stdout, /write_file +quarantined +destroys/)
  assert.match(one.stdout, /\/description\n +- "Writes"\n +\+ "Writes anything anywhere"/)
  const nowhere = await countersign(console, 'servers', 'nowhere')
  assert.equal(nowhere.exit, 4)
  assert.match(nowhere.stderr, /no tool server "nowhere"[^]*countersign servers\n$/)
  assert.doesNotMatch(nowhere.stderr, /\/api\//)
  const accept = await countersign(console, 'servers', 'accept')
  assert.deepEqual([accept.exit, accept.stderr], [0, ''])
  assert.match(
    accept.stdout,
    /files +changed +write_file[^]*nobody can call[^]*countersign servers accept files write_file/,
  )
  const waiting = [{ server: 'files', tool: 'write_file', what: 'changed' }]
  assert.deepEqual((await countersign(console, 'servers', 'accept', 'files', '--json')).json(), { waiting })
  assert.equal(console.lifecycle.accepted.length, 0, 'nothing was accepted')
  assert.equal((await countersign(console, 'servers', 'accept', 'nowhere')).exit, 4)
  assert.equal((await countersign(console, 'servers', 'accept', 'files', 'read_file')).exit, 1)
  assert.equal((await countersign(console, 'servers', 'accept', 'files', 'nothing')).exit, 4)
  assert.equal((await countersign(console, 'servers', 'accept', 'files', 'write_file')).exit, 0)
  assert.equal(console.lifecycle.accepted.length, 1)
  assert.ok(console.lifecycle.accepted[0]!.endsWith(toolFixtures()[1]!.offered!.digest))
  assert.equal((await countersign(console, 'servers', '--as', 'agent')).exit, 1, 'not for agents')
})

test('a tool that cannot be used is shown with the reason, and there is nothing to accept', async (t) => {
  const console = await startConsole(t)
  const problem = 'inputSchema: expected an object'
  await console.register(serverFixture(), [{ server: 'files', name: 'bad', state: 'quarantined', problem }])
  await until(
    async () => (await console.get('operator', '/servers/files')).body.tools?.length === 1,
    'the registry arrives',
  )
  const { stdout } = await countersign(console, 'servers', 'files')
  assert.match(stdout, /bad +quarantined/)
  assert.match(
    stdout,
    /bad cannot be used and is quarantined until its server mends it: inputSchema: expected an object/,
  )
  const accepting = await countersign(console, 'servers', 'accept', 'files', 'bad')
  assert.equal(accepting.exit, 1)
  assert.match(accepting.stderr, /the definition of bad cannot be used: inputSchema: .*have files mend it/s)
})

test('R44: tools that were left out show wherever servers do', async (t) => {
  const console = await startConsole(t)
  const leftOut = 'bad (inputSchema: its type must be "object"), 2000 tools after the first 5000'
  await console.register(serverFixture({ leftOut }), [])
  await until(async () => (await console.get('operator', '/servers')).body.servers.length === 1, 'the registry arrives')
  for (const command of [['servers'], ['servers', 'files'], ['doctor']]) {
    const { stdout } = await countersign(console, ...command)
    assert.match(
      stdout.replaceAll(/\s+/g, ' '),
      /left out:? bad \(inputSchema: its type must be "object"\), 2000 tools after/,
    )
  }
})
