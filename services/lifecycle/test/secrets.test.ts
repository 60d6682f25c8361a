import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort } from '@countersign/config'
import { Upstream } from '@countersign/mcp'
import { until } from '@countersign/testing'
import { conditionOf, document, makeWorld, startLifecycle, untilVerified } from './start-lifecycle.ts'

const secret = 'hunter2-is-no-password'
const everything = (transport: 'stdio' | 'streamable-http') => ({
  type: 'Command',
  command: { run: ['mcp-server-everything', transport === 'stdio' ? 'stdio' : 'streamableHttp'], transport },
})

test(
  'I9: what a document gives its server by reference is in no answer of it, and not in the registry',
  { timeout: 60_000 },
  async (t) => {
    const world = await makeWorld(t)
    const port = await freePort()
    writeFileSync(join(world.dir, 'key'), `${secret}\n`)
    const env = [
      { name: 'PORT', value: String(port) },
      { name: 'API_KEY', valueFrom: { file: '../key' } },
    ]
    world.write('stdio.yaml', document('stdio', everything('stdio'), { env }))
    world.write('http.yaml', document('http', everything('streamable-http'), { port, env }))
    await startLifecycle(world)
    for (const name of ['stdio', 'http']) {
      const { address } = await untilVerified(world, name)
      assert.equal(statSync(address!.secretsFile!).mode & 0o777, 0o600)
      assert.deepEqual(address!.credentials, [{ use: 'environment', name: 'API_KEY', ref: '../key' }])
      const options = { clientInfo: { name: 'test', version: '1' }, maxResultBytes: 1e6, timeoutMs: 10_000 }
      const upstream = new Upstream({ ...options, ...address!, url: address!.url })
      t.after(() => upstream.close())
      const outcome = await upstream.callTool({ name: 'get-env', argumentsText: '{}', timeoutMs: 10_000 })
      assert.ok(outcome.kind === 'result')
      const text = JSON.stringify(outcome.result)
      assert.match(text, /API_KEY[^A-Z]+\[secret\]/, 'the server has it, and we do not pass it on')
      assert.ok(!text.includes(secret))
    }
    assert.ok(!JSON.stringify([world.history('stdio'), world.history('http'), await world.events()]).includes(secret))
  },
)

test(
  'I9: a secret that is missing, or too short to be found again, keeps its server from starting, and says so',
  { timeout: 60_000 },
  async (t) => {
    const world = await makeWorld(t)
    const file = join(world.dir, 'key')
    const env = [{ name: 'API_KEY', valueFrom: { file } }]
    world.write('stdio.yaml', document('stdio', everything('stdio'), { env }))
    await startLifecycle(world)
    const message = () => world.server('stdio')?.conditions.find(({ type }) => type === 'Available')?.message ?? ''
    await until(() => /the secret for API_KEY cannot be read \(ENOENT\)/.test(message()), 'the missing file is told')
    writeFileSync(file, 'short')
    await until(() => /the secret for API_KEY has fewer than 8 characters/.test(message()), 'the short secret is told')
    assert.equal(conditionOf(world.server('stdio'), 'Available'), 'False/DeploymentUnavailable')
    writeFileSync(file, secret)
    await untilVerified(world, 'stdio')
    rmSync(file)
    assert.equal(conditionOf(world.server('stdio'), 'Verified'), 'True/Verified', 'what runs goes on')
  },
)

test(
  'I9: files with secrets are there for servers that run and are given any, and for no others',
  { timeout: 60_000 },
  async (t) => {
    const world = await makeWorld(t)
    const runDir = join(world.dir, 'run')
    const files = (server: string) =>
      readdirSync(runDir)
        .filter((file) => file.startsWith(`${server}.`) && !file.endsWith('.pid'))
        .toSorted()
    mkdirSync(runDir)
    // As a lifecycle leaves them that is killed, of a server whose document goes before the next one starts.
    for (const ending of ['token', 'env.json', 'secrets.json']) writeFileSync(join(runDir, `old.${ending}`), secret)
    writeFileSync(join(world.dir, 'key'), secret)
    const env = [{ name: 'API_KEY', valueFrom: { file: '../key' } }]
    world.write('stdio.yaml', document('stdio', everything('stdio'), { env }))
    const nothing = { type: 'Command', command: { run: ['no-such-program'], transport: 'streamable-http' } }
    world.write('broken.yaml', document('broken', nothing, { env, port: await freePort() }))
    const lifecycle = await startLifecycle(world)
    assert.deepEqual(files('old'), [])
    const { pid } = await untilVerified(world, 'stdio')
    assert.deepEqual(files('stdio'), ['stdio.env.json', 'stdio.secrets.json', 'stdio.token'])
    await until(() => conditionOf(world.server('broken'), 'Available') === 'False/DeploymentUnavailable', 'it is down')
    await until(() => files('broken').length === 0, 'what could not be started has no secrets')

    world.write('stdio.yaml', document('stdio', everything('stdio')))
    await until(async () => (await untilVerified(world, 'stdio')).pid !== pid, 'it runs without the secret')
    assert.deepEqual(files('stdio'), ['stdio.env.json', 'stdio.token'])
    world.write('stdio.yaml', document('stdio', everything('stdio'), { env }))
    await until(() => files('stdio').includes('stdio.secrets.json'), 'it has the secret again')
    await untilVerified(world, 'stdio')
    world.remove('stdio.yaml')
    await until(() => world.server('stdio') === undefined, 'it is removed')
    assert.deepEqual(files('stdio'), [])

    world.write('stdio.yaml', document('stdio', everything('stdio'), { env }))
    await untilVerified(world, 'stdio')
    await lifecycle.stop()
    assert.deepEqual(readdirSync(runDir), [])
  },
)

test(
  'I9, R33: a server whose secret file changes is started again with the new secret, and says so',
  { timeout: 60_000 },
  async (t) => {
    const world = await makeWorld(t)
    const file = join(world.dir, 'key')
    writeFileSync(file, secret)
    const env = [{ name: 'API_KEY', valueFrom: { file } }]
    world.write('stdio.yaml', document('stdio', everything('stdio'), { env }))
    await startLifecycle(world)
    const first = await untilVerified(world, 'stdio')
    const known = () => readFileSync(world.server('stdio')!.address!.secretsFile!, 'utf8')
    assert.deepEqual(JSON.parse(known()), [secret])
    // What cannot be used changes nothing; that it was written anew with the same content does not either.
    writeFileSync(file, 'short')
    writeFileSync(file, `${secret}\n`)
    const next = 'correct-horse-battery'
    writeFileSync(file, next)
    const second = await until(() => {
      const entry = world.server('stdio')
      return entry?.pid !== first.pid && conditionOf(entry, 'Verified') === 'True/Verified' ? entry : undefined
    }, 'it runs with the new secret')
    assert.deepEqual(JSON.parse(known()), [next])
    assert.equal(second.restarts, first.restarts, 'it did not crash')
    const events = await until(async () => {
      const all = (await world.events()).filter(({ server }) => server === 'stdio')
      return all.filter(({ event }) => event === 'started').length === 2 && all
    }, 'the events are there')
    assert.match(
      events.find(({ event }) => event === 'stopped')!.message,
      /what is secret in API_KEY changed; it is started again/,
    )
    assert.ok(!JSON.stringify([world.history('stdio'), events]).includes(next))
    rmSync(file)
    assert.equal(conditionOf(world.server('stdio'), 'Verified'), 'True/Verified')
  },
)
