import assert from 'node:assert/strict'
import { mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort } from '@countersign/config'
import { registryKeys } from '@countersign/contracts'
import { Upstream } from '@countersign/mcp'
import { until } from '@countersign/testing'
import { changing, conditionOf, document, makeWorld, startLifecycle, stdio, untilVerified } from './start-lifecycle.ts'

test(
  'the published sample servers run, are verified, and every tool of theirs is pinned',
  { timeout: 60_000 },
  async (t) => {
    const world = await makeWorld(t)
    const files = join(realpathSync(world.dir), 'files')
    mkdirSync(files)
    writeFileSync(join(files, 'hello.txt'), 'hello')
    const port = await freePort()
    world.write('files.yaml', document('files', stdio('mcp-server-filesystem'), { arguments: [files] }))
    world.write(
      'everything.yaml',
      document(
        'everything',
        {
          type: 'Command',
          command: { run: ['mcp-server-everything', 'streamableHttp'], transport: 'streamable-http' },
        },
        { port, env: [{ name: 'PORT', value: String(port) }] },
      ),
    )
    const lifecycle = await startLifecycle(world)
    const [sample, everything] = await Promise.all([untilVerified(world, 'files'), untilVerified(world, 'everything')])
    assert.deepEqual([sample.transport, sample.era, sample.quarantinedCount], ['stdio', '2025-11-25', 0])
    assert.deepEqual(everything.address, { url: `http://127.0.0.1:${port}/mcp` })
    assert.equal(conditionOf(everything, 'Accepted'), 'True/Valid')
    assert.equal(conditionOf(everything, 'Available'), 'True/Available')
    for (const entry of [sample, everything]) {
      const tools = world.keys().filter((key) => key.startsWith(`tool.${entry.name}.`))
      assert.ok(tools.length > 5)
      assert.equal(tools.length, entry.toolCount)
    }
    assert.equal(world.tool('files', 'write_file')?.state, 'pinned')
    // Whoever reads the entry with the address finds all tools there.
    const lastTool = world.writes.findLastIndex((key) => key.startsWith('tool.files.'))
    assert.ok(world.writes.lastIndexOf(registryKeys.server('files')) > lastTool)

    // The executor reaches it with what the registry says, and nobody without the token does.
    const address = sample.address!
    assert.equal(statSync(address.tokenFile!).mode & 0o777, 0o600)
    const options = { clientInfo: { name: 'test', version: '1' }, maxResultBytes: 1e6, timeoutMs: 10_000 }
    const upstream = new Upstream({ ...options, url: address.url, tokenFile: address.tokenFile! })
    t.after(() => upstream.close())
    const argumentsText = JSON.stringify({ path: join(files, 'hello.txt') })
    const outcome = await upstream.callTool({ name: 'read_text_file', argumentsText, timeoutMs: 10_000 })
    assert.ok(outcome.kind === 'result' && JSON.stringify(outcome.result).includes('hello'))
    assert.equal((await fetch(address.url, { method: 'POST' })).status, 401)

    const told = (await world.events()).filter(({ server }) => server === 'files').map(({ event }) => event)
    assert.deepEqual(told, ['accepted', 'started', 'verified', 'tools_pinned'])
    const { pid } = world.server('files')!
    await lifecycle.stop()
    assert.throws(() => process.kill(pid!, 0), { code: 'ESRCH' })
    assert.throws(() => process.kill(everything.pid!, 0), { code: 'ESRCH' })
    await until(
      () => conditionOf(world.server('files'), 'Available') === 'False/DeploymentUnavailable',
      'the registry says that it is stopped',
    )
    assert.equal(world.server('files')?.address, undefined)
  },
)

test(
  'R10: a server that ends is started again, and the registry is true all the while',
  { timeout: 60_000 },
  async (t) => {
    const world = await makeWorld(t)
    const { document: wanted, control } = await changing('change', await freePort())
    world.write('change.yaml', wanted)
    await startLifecycle(world)
    const first = await untilVerified(world, 'change')
    await control({ exit: 3 })
    const firstDown = (restarts: number) =>
      until(() => world.history('change').find((entry) => entry.restarts === restarts), `end ${restarts} is noticed`)
    const down = await firstDown(1)
    assert.equal(down.address, undefined)
    assert.equal(down.pid, undefined)
    assert.equal(conditionOf(down, 'Available'), 'False/DeploymentUnavailable')
    assert.match(down.conditions[1]!.message, /exit code 3/)
    assert.equal(conditionOf(down, 'Verified'), 'Unknown/NotVerified')
    const verifiedAgain = (restarts: number) =>
      until(() => {
        const entry = world.server('change')
        return entry?.restarts === restarts && conditionOf(entry, 'Verified') === 'True/Verified' ? entry : undefined
      }, 'it is verified again')
    const again = await verifiedAgain(1)
    assert.notEqual(again.pid, first.pid)
    assert.deepEqual(again.address, first.address)
    process.kill(-again.pid!, 'SIGKILL')
    assert.match((await firstDown(2)).conditions[1]!.message, /signal SIGKILL/)
    await verifiedAgain(2)
    // An address is only ever told of a server that runs and whose tools were compared (I13).
    for (const entry of world.history('change')) {
      if (entry.address) assert.ok(entry.pid !== undefined && conditionOf(entry, 'Verified') === 'True/Verified')
    }
    const life = ['started', 'verified']
    const told = ['accepted', ...life, 'tools_pinned', 'crashed', ...life, 'crashed', ...life]
    assert.deepEqual(
      (await world.events()).map(({ event }) => event),
      told,
    )
  },
)

test(
  'a server that cannot start, hangs or has no free port says why, and holds up nobody else',
  { timeout: 60_000 },
  async (t) => {
    const world = await makeWorld(t)
    const [port, taken] = [await freePort(), await freePort()]
    const { document: hanging, control } = await changing('hanging', port)
    const { document: good } = await changing('good', taken)
    const { document: late } = await changing('late', taken)
    world.write('a-missing.yaml', document('missing', stdio('no-such-program-here')))
    world.write('b-hanging.yaml', hanging)
    world.write('c-good.yaml', good)
    world.write(
      'nowhere.yaml',
      document('nowhere', { type: 'Url', url: { url: `http://127.0.0.1:${await freePort()}/mcp` } }),
    )
    await startLifecycle(world, 300)
    await untilVerified(world, 'hanging')
    await control({ hang: true })
    await untilVerified(world, 'good')
    world.write('d-late.yaml', late)
    const reason = (name: string, pattern: RegExp) =>
      until(
        () => world.server(name)?.conditions.some(({ message }) => pattern.test(message)),
        `${name} says ${pattern}`,
      )
    await reason('missing', /could not be started: .*ENOENT/)
    await reason('late', /port \d+ is in use/)
    await reason('nowhere', /waiting for it to answer: nobody answers at 127\.0\.0\.1:\d+: ECONNREFUSED/)
    assert.equal(conditionOf(world.server('nowhere'), 'Available'), 'Unknown/Initializing')
    assert.equal(conditionOf(world.server('missing'), 'Verified'), 'Unknown/NotVerified')
    // A probe that hangs is under way; removing the server does not wait for it.
    world.remove('b-hanging.yaml')
    await until(() => world.server('hanging') === undefined, 'the hanging server is gone')
  },
)
