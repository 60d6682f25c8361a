import assert from 'node:assert/strict'
import { rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Upstream } from '@countersign/mcp'
import { until } from '@countersign/testing'
import { conditionOf, document, freePort, makeWorld, startLifecycle, untilVerified } from './start-lifecycle.ts'

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
