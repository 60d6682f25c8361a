import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@countersign/bus'
import { freePort } from '@countersign/config'
import { registryKeys } from '@countersign/contracts'
import { toolEntryFixture, until } from '@countersign/testing'
import { changing, conditionOf, document, makeWorld, startLifecycle, untilVerified } from './start-lifecycle.ts'

test('documents that come, change, break and go are followed', { timeout: 60_000 }, async (t) => {
  const world = await makeWorld(t)
  await startLifecycle(world)
  const { document: wanted } = await changing('change', await freePort())
  world.write('change.yaml', wanted)
  const running = await untilVerified(world, 'change')

  // Broken: what runs goes on, and the entry says what is wrong where.
  const typo = { ...(wanted as { spec: object }), spec: { ...(wanted as { spec: object }).spec, sauce: {} } }
  world.write('change.yaml', JSON.stringify(typo, null, 2))
  await until(() => conditionOf(world.server('change'), 'Accepted') === 'False/Invalid', 'the problem is told')
  const broken = world.server('change')!
  assert.match(
    broken.conditions[0]!.message,
    /^change\.yaml:\d+:\d+: unknown key `sauce` in `spec`; what may stand here: source, /,
  )
  assert.deepEqual(
    [broken.pid, broken.address, broken.documentDigest],
    [running.pid, running.address, running.documentDigest],
  )
  assert.equal(conditionOf(broken, 'Verified'), 'True/Verified')
  world.write('change.yaml', 'spec: [')
  await until(
    () => /change\.yaml:1:\d+: (?!spec)/.test(world.server('change')!.conditions[0]!.message),
    'the newer problem is told',
  )

  // Mended with other limits: nothing is restarted.
  const limits = { concurrency: 3 }
  world.write('change.yaml', { ...wanted, spec: { ...(wanted as { spec: object }).spec, limits } })
  await until(() => world.server('change')?.limits.concurrency === 3, 'the limits are taken up')
  assert.deepEqual([world.server('change')?.pid, world.server('change')?.restarts], [running.pid, 0])
  assert.equal(conditionOf(world.server('change'), 'Accepted'), 'True/Valid')

  // Another document for the same name, later in order, is refused; the first one stays.
  const { document: rival } = await changing('change', await freePort())
  world.write('rival.yaml', rival)
  await until(
    async () =>
      (await world.events()).some(({ event, message }) => event === 'refused' && /rival\.yaml.*already/.test(message)),
    'the rival is refused',
  )
  assert.equal(world.server('change')?.pid, running.pid)
  world.remove('rival.yaml')

  // Another command is another process.
  const { document: moved } = await changing('change', await freePort())
  world.write('change.yaml', moved)
  await until(
    () =>
      world.server('change')?.pid !== running.pid &&
      conditionOf(world.server('change'), 'Verified') === 'True/Verified',
    'the new one runs',
  )
  assert.throws(() => process.kill(running.pid!, 0), { code: 'ESRCH' })

  const { pid } = world.server('change')!
  world.remove('change.yaml')
  await until(() => world.keys().length === 0, 'the registry is empty')
  assert.equal(
    world.writes.findLastIndex((key) => key === '-server.change') <
      world.writes.findLastIndex((key) => key.startsWith('-tool.')),
    true,
  )
  assert.throws(() => process.kill(pid!, 0), { code: 'ESRCH' })
  await until(async () => (await world.events()).at(-1)?.event === 'removed', 'the removal is recorded')
})

test('what this machine cannot run is refused with the reason', { timeout: 60_000 }, async (t) => {
  const world = await makeWorld(t)
  await startLifecycle(world)
  world.write('image.yaml', document('image', { type: 'ContainerImage', containerImage: { ref: 'example.com/a:1' } }))
  world.write('port.yaml', document('port', { type: 'Command', command: { run: ['x'], transport: 'streamable-http' } }))
  world.write('Nobody.yaml', 'apiVersion: mcp.x-k8s.io/v1beta1\nkind: MCPServer\nmetadata: {name: Not_A_Label}\n')
  for (const [name, reason] of [
    ['image', /image\.yaml:1:\d+: spec\.source\.type: .*Kubernetes/],
    ['port', /config\.port is missing/],
  ] as const) {
    const entry = await until(() => world.server(name), `${name} has an entry`)
    assert.equal(conditionOf(entry, 'Accepted'), 'False/Invalid')
    assert.equal(conditionOf(entry, 'Available'), 'False/ConfigurationInvalid')
    assert.match(entry.conditions[0]!.message, reason)
  }
  const refused = await until(async () => {
    const all = (await world.events()).filter(({ event }) => event === 'refused')
    return all.some(({ server }) => server === 'nobody') ? all : undefined
  }, 'the nameless one is recorded')
  assert.match(
    refused.find(({ server }) => server === 'nobody')!.message,
    /Nobody\.yaml:3:12: `metadata\.name` must be a DNS label/,
  )
})

test(
  'I13: pins are not lost while their document cannot be read, even over a restart',
  { timeout: 60_000 },
  async (t) => {
    const world = await makeWorld(t)
    const first = await startLifecycle(world)
    const tool = (description: string) => [{ name: 'one', description, inputSchema: { type: 'object' } }]
    const port = await freePort()
    world.write('change.yaml', (await changing('change', port, tool('a'))).document)
    await untilVerified(world, 'change')
    await first.stop()
    world.write('change.yaml', 'metadata: {name: [')
    const second = await startLifecycle(world)
    await until(() => conditionOf(world.server('change'), 'Accepted') === 'False/Invalid', 'the problem is told')
    assert.equal(world.tool('change', 'one')?.state, 'pinned')
    await second.stop()
    world.write('change.yaml', (await changing('change', port, tool('b'))).document)
    await startLifecycle(world)
    await untilVerified(world, 'change')
    assert.equal(world.tool('change', 'one')?.state, 'quarantined')
  },
)

test('the removal of a server of which only tools are known is told to the tenant of the platform', async (t) => {
  const world = await makeWorld(t)
  const bucket = await (await world.testBus.connect('lifecycle')).bucket('servers')
  const tool = toolEntryFixture('lost', { name: 'echo', inputSchema: { type: 'object' } })
  await bucket.put(registryKeys.tool('lost', 'echo'), encode(tool))
  await startLifecycle(world, 60_000, 'platform')
  const [removed] = await until(async () => {
    const events = await world.events()
    return events.length > 0 ? events : undefined
  }, 'the removal is recorded')
  assert.deepEqual([removed!.event, removed!.server, removed!.tenant], ['removed', 'lost', 'platform'])
})
