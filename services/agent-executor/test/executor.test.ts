import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  type Allowed,
  type CallEvent,
  callFieldsOf,
  canonicalJson,
  type GrantClaims,
  type Json,
  makeEvent,
  registryKeys,
  subjects,
} from '@countersign/contracts'
import {
  askingTool,
  callFixture,
  newGrantSigner,
  register,
  scriptedTool,
  serverEntryFixture,
  startModernServer,
  until,
} from '@countersign/testing'
import { setUp } from './executor-world.ts'

const readOnly = { readOnlyHint: true }
const soon = () => Date.now() + 10_000

test('I1, I3: an allowed call is sent once, byte for byte, between dispatched and succeeded', async (t) => {
  const { upstream, startExecutor, allow, ended } = await setUp(t, [scriptedTool('echo')])
  await startExecutor()
  const args = { z: 1, a: { é: [1.5, null, 'x"y'] } }
  const { call } = await allow('echo', args)
  const { names, final } = await ended(call)
  assert.deepEqual(names, ['requested', 'allowed', 'dispatched', 'succeeded'])
  const { data } = final.event as CallEvent<'succeeded'>
  assert.deepEqual(data.result, { inline: { content: [{ type: 'text', text: JSON.stringify({ a: args.a, z: 1 }) }] } })
  assert.equal(upstream.calls.length, 1)
  assert.ok(upstream.calls[0]!.body.includes('"arguments":{"a":{"é":[1.5,null,"x\\"y"]},"z":1}'))
})

test('I5: a call whose large result finds no space ends at once, and says that the tool ran', async (t) => {
  const world = await setUp(t, [scriptedTool('echo')], { maxResultBytes: 1_000_000 }, {}, { payloadsMaxBytes: 400_000 })
  await world.startExecutor()
  // Arguments that an event just carries; with what is around it the result that repeats them is more.
  const large = (n: number) => world.allow('echo', { n, text: 'x'.repeat(256 * 1024 - 40) })
  assert.equal((await world.ended((await large(1)).call)).final.name, 'succeeded')
  const { final } = await world.ended((await large(2)).call)
  const { error } = (final.event as CallEvent<'failed'>).data
  assert.equal(error.code, 'result_too_large')
  assert.match(error.message, /^The tool ran, but there is no space left/)
  assert.equal((await world.ended((await world.allow('echo')).call)).final.name, 'succeeded', 'small ones go on')
})

test('R34: arguments that a modern tool wants mirrored reach it in headers, too', async (t) => {
  const inputSchema = {
    type: 'object',
    properties: { city: { type: 'string', 'x-mcp-header': 'City' }, q: { type: 'string' } },
  }
  const modern = await startModernServer(t, [
    { name: 'mirrored', inputSchema, answer: (args) => ({ content: [{ type: 'text', text: JSON.stringify(args) }] }) },
  ])
  const entry = { address: { url: modern.url }, era: '2026-07-28' }
  const { startExecutor, allow, ended } = await setUp(t, [{ name: 'mirrored', inputSchema }], {}, entry)
  await startExecutor()
  for (const [args, header] of [
    [{ city: 'Köln', q: 'x' }, '=?base64?S8O2bG4=?='],
    [{ city: 'Bonn' }, 'Bonn'],
    [{ q: 'x' }, undefined],
  ] as const) {
    const { final } = await ended((await allow('mirrored', args)).call)
    assert.equal(final.name, 'succeeded', JSON.stringify(final.event.data))
    assert.equal(modern.calls.at(-1)!['mcp-param-city'], header)
  }
})

test('R35: a modern tool that wants to ask its client something fails, and its caller is not told to be able to', async (t) => {
  const modern = await startModernServer(t, [askingTool('asks')])
  const entry = { address: { url: modern.url }, era: '2026-07-28' }
  const { startExecutor, allow, ended } = await setUp(t, [scriptedTool('asks')], {}, entry)
  await startExecutor()
  const { final } = await ended((await allow('asks')).call)
  const { error, upstream } = (final.event as CallEvent<'failed'>).data
  assert.deepEqual([final.name, error.code, upstream], ['failed', 'upstream_refused', undefined])
  assert.match(error.message, /wants to ask its client something.*not passed on yet/)
})

test('I9, R23: a call tells which credentials were used for it, by reference and never by value', async (t) => {
  const tools = [scriptedTool('echo')]
  const { upstream, startExecutor, allow, ended, lifecycle, keysFile } = await setUp(t, tools)
  const secret = 'token-of-the-upstream'
  const tokenFile = `${keysFile}.token`
  writeFileSync(tokenFile, secret)
  const credentials = [{ use: 'bearer', ref: 'secrets/upstream-token' }] as const
  const address = { url: upstream.url, tokenFile, credentials: [...credentials] }
  await register(lifecycle, serverEntryFixture('scripted', upstream.url, { address }), tools)
  await startExecutor()
  const { call } = await allow('echo', {})
  const { history } = await ended(call)
  assert.deepEqual(history.find('dispatched')!.data.credentials, credentials)
  assert.ok(!JSON.stringify(history.entries).includes(secret))
})

test('I1, I4, I13: what the grant does not permit is not sent, and the call ends all the same', async (t) => {
  const { upstream, startExecutor, allow, ended } = await setUp(t, [scriptedTool('echo')])
  await startExecutor()
  const past = new Date(Date.now() - 1000).toISOString()
  const future = new Date(Date.now() + 60_000).toISOString()
  const other = `sha256:${'0'.repeat(64)}`
  const cases: [string, Partial<GrantClaims>, (allowed: Allowed) => Allowed, string][] = [
    ['expired', { expiresAt: past }, (a) => a, 'grant_expired'],
    ['not yet valid', { notBefore: future }, (a) => a, 'grant_invalid'],
    ['another definition', { definitionDigest: other }, (a) => a, 'definition_changed'],
    ['another tool', { tool: 'other' }, (a) => a, 'grant_invalid'],
    ['another principal', { principal: 'somebody' }, (a) => a, 'grant_invalid'],
    ['another call', { callId: callFixture().callId }, (a) => a, 'grant_invalid'],
    ['other arguments', {}, (a) => ({ ...a, arguments: { inline: { evil: true } } }), 'grant_invalid'],
    [
      'a changed claim',
      {},
      (a) => ({ ...a, grant: { ...a.grant, claims: { ...a.grant.claims, idempotent: true } } }),
      'grant_invalid',
    ],
    ['an unknown key', {}, (a) => ({ ...a, grant: { ...a.grant, keyId: '0'.repeat(16) } }), 'grant_invalid'],
    ['no signature', {}, (a) => ({ ...a, grant: { ...a.grant, signature: '' } }), 'grant_invalid'],
  ]
  for (const [what, claims, edit, code] of cases) {
    const { call } = await allow('echo', { a: 1 }, claims, edit)
    const { names, final } = await ended(call)
    const { error } = (final.event as CallEvent<'failed'>).data
    assert.deepEqual([names.at(-1), error.code], ['failed', code], what)
    assert.match(error.message, /; nothing ran/)
    assert.ok(!names.includes('dispatched'), what)
  }
  assert.equal(upstream.calls.length, 0)
})

test('I1: grant keys are added, taken away and kept when their file breaks, without a restart', async (t) => {
  const { startExecutor, allow, ended, signer, keysFile } = await setUp(t, [scriptedTool('echo')])
  await startExecutor()
  const next = newGrantSigner()
  const endOf = async (by: typeof signer) => (await ended((await allow('echo', {}, {}, undefined, by)).call)).final.name
  assert.deepEqual([await endOf(signer), await endOf(next)], ['succeeded', 'failed'])
  writeFileSync(keysFile, signer.publicPem + next.publicPem)
  // Taken up at once: a key that is not known makes the executor look again.
  await until(async () => (await endOf(next)) === 'succeeded', 'the new key is taken up')
  writeFileSync(keysFile, 'this is no key')
  assert.equal(await endOf(signer), 'succeeded')
  writeFileSync(keysFile, next.publicPem)
  await until(async () => (await endOf(signer)) === 'failed', 'the old key is taken away')
  assert.equal(await endOf(next), 'succeeded')
})

test('I5, I6, R9: every way a tool server can fail has its ending; what may have run and cannot be repeated is unknown', async (t) => {
  const kinds = ['tool-error', 'rpc-error', 'die', 'garbage', 'stream-for-ever', 'oversized', 'refuse']
  // Long: of what ends by itself, none may end by time because the machine is busy.
  await endsAsExpected(await setUp(t, toolsOf(kinds), { callTimeoutMs: 60_000 }), kinds)
})

test('I5, I6, R9: a tool server that hangs ends its call in time', async (t) => {
  await endsAsExpected(await setUp(t, toolsOf(['hang'])), ['hang'])
})

const toolsOf = (kinds: readonly string[]) =>
  kinds.flatMap((kind) => [scriptedTool(kind), scriptedTool(`${kind}-read`, readOnly)])

/** Calls a tool of each kind that may not be repeated, and one that may, all at once. */
async function endsAsExpected(
  { startExecutor, allow, ended }: Awaited<ReturnType<typeof setUp>>,
  kinds: readonly string[],
): Promise<void> {
  await startExecutor()
  const expected: Record<string, [string, string]> = {
    'tool-error': ['succeeded', ''],
    'rpc-error': ['failed', 'upstream_error'],
    hang: ['unknown', 'outcome_unknown'],
    'hang-read': ['failed', 'upstream_timeout'],
    die: ['unknown', 'outcome_unknown'],
    'die-read': ['failed', 'upstream_died'],
    garbage: ['unknown', 'outcome_unknown'],
    'garbage-read': ['failed', 'upstream_garbage'],
    'stream-for-ever': ['unknown', 'outcome_unknown'],
    'stream-for-ever-read': ['failed', 'upstream_garbage'],
    oversized: ['failed', 'result_too_large'],
    refuse: ['failed', 'upstream_error'],
  }
  await Promise.all(
    toolsOf(kinds).map(async ({ name }) => {
      const { call } = await allow(name)
      const { final } = await ended(call)
      assert.doesNotThrow(
        () => canonicalJson(final.event as unknown as Json),
        'what cannot be written cannot be recorded',
      )
      const [event, code] = expected[name] ?? expected[name.replace('-read', '')]!
      assert.deepEqual(
        [final.name, (final.event.data as { error?: { code: string } }).error?.code ?? ''],
        [event, code],
        name,
      )
    }),
  )
}

test('I2: of a withdrawal and a claim one wins, many times over', { timeout: 60_000 }, async (t) => {
  const { gateway, upstream, startExecutor, allow, ended } = await setUp(t, [scriptedTool('echo')])
  await startExecutor()
  const won = { cancelled: 0, succeeded: 0 }
  for (let round = 0; round < 40; round++) {
    const { call, seq } = await allow('echo', { round })
    const cancelled = makeEvent('cancelled', { ...callFieldsOf(call), reason: 'race' }, { now: new Date() })
    await gateway.publishEvent(call, 'cancelled', cancelled, seq, soon()).catch(() => {})
    const { names } = await ended(call)
    assert.equal(names.filter((name) => name === 'cancelled' || name === 'dispatched').length, 1, names.join())
    won[names.at(-1) as 'cancelled' | 'succeeded'] += 1
  }
  assert.equal(won.cancelled + won.succeeded, 40)
  assert.equal(upstream.calls.length, won.succeeded)
})

test(
  'I6, I12: after a crash a call that may have run is unknown, and one that is safe to repeat is repeated',
  { timeout: 60_000 },
  async (t) => {
    const { upstream, startExecutor, allow, claimAndDie, ended, policy } = await setUp(
      t,
      [scriptedTool('hang'), scriptedTool('hang-read', readOnly)],
      {
        callTimeoutMs: 5000,
      },
    )
    const once = await allow('hang')
    const twice = await allow('hang-read')
    await claimAndDie(once, twice)
    await startExecutor()
    assert.deepEqual((await ended(once.call)).names, ['requested', 'allowed', 'dispatched', 'unknown'])
    await until(() => upstream.calls.length === 1, 'the repeatable one is sent again')
    upstream.release()
    assert.deepEqual((await ended(twice.call)).names, ['requested', 'allowed', 'dispatched', 'dispatched', 'succeeded'])
    assert.deepEqual(
      upstream.calls.map(({ tool }) => tool),
      ['hang-read'],
    )
    await until(async () => (await policy.consumerLag('CALLS', 'audit')) > 0, 'all is stored')
  },
)

test('I5: a repeated call that cannot be sent again says that it may have run, whatever keeps it back', async (t) => {
  const { upstream, startExecutor, allow, claimAndDie, ended } = await setUp(t, [scriptedTool('echo', readOnly)])
  const expiresAt = new Date(Date.now() + 1000).toISOString()
  const calls = [
    ['grant_expired', await allow('echo', {}, { expiresAt })],
    ['grant_invalid', await allow('echo', {}, {}, undefined, newGrantSigner())],
    ['definition_changed', await allow('echo', {}, { definitionDigest: `sha256:${'0'.repeat(64)}` })],
    ['upstream_unreachable', await allow('echo')],
  ] as const
  await claimAndDie(...calls.map(([, call]) => call))
  await until(() => Date.now() >= Date.parse(expiresAt), 'the first grant has expired')
  await upstream.close()
  await startExecutor()
  const finals = await Promise.all(calls.map(async ([, { call }]) => (await ended(call)).final))
  for (const [index, [code]] of calls.entries()) {
    const { name, event } = finals[index]!
    const { error } = (event as CallEvent<'failed'>).data
    assert.deepEqual([name, error.code], ['failed', code])
    assert.match(error.message, /it may have run in an earlier attempt, and the tool is safe to repeat/)
    assert.doesNotMatch(error.message, /nothing/i)
  }
})

test('progress goes back to the gateway that waits, and a withdrawal goes up to the tool', async (t) => {
  const { gateway, upstream, startExecutor, allow, ended } = await setUp(
    t,
    [scriptedTool('progress'), scriptedTool('hang-read', readOnly)],
    {
      callTimeoutMs: 3000,
    },
  )
  await startExecutor()
  const progress: number[] = []
  const listening = gateway.listen(subjects.midcallDown('test'), (_subject, data) =>
    progress.push(JSON.parse(new TextDecoder().decode(data)).progress),
  )
  t.after(() => listening.stop())
  await ended((await allow('progress')).call)
  await until(() => progress.length === 3, 'progress arrives')
  assert.deepEqual(progress, [1, 2, 3])
  const { call } = await allow('hang-read')
  await until(() => upstream.calls.length === 2, 'the call is at the tool')
  gateway.hint(subjects.midcall('test', call.callId, 'up'), new TextEncoder().encode('{}'))
  const { final } = await ended(call)
  assert.equal((final.event as CallEvent<'failed'>).data.error.code, 'cancelled')
  assert.equal(upstream.cancelled.length, 1)
})

test('I9: our own credentials for a server are taken out of what it answers', async (t) => {
  const { dir, lifecycle, upstream, startExecutor, allow, ended } = await setUp(t, [scriptedTool('echo-headers')])
  const tokenFile = join(dir, 'token')
  writeFileSync(tokenFile, 'very-secret-token\n', { mode: 0o600 })
  await register(
    lifecycle,
    serverEntryFixture('scripted', upstream.url, { address: { url: upstream.url, tokenFile } }),
    [scriptedTool('echo-headers')],
  )
  await startExecutor()
  const { call } = await allow('echo-headers')
  const { final } = await ended(call)
  const text = JSON.stringify(final.event)
  assert.ok(text.includes('Bearer [secret]'), text)
  assert.ok(!text.includes('very-secret-token'))
})

test('I9: what a server was given in secret is taken out of what it answers, over restarts and removal too', async (t) => {
  const world = await setUp(t, [scriptedTool('echo'), scriptedTool('progress')])
  const { dir, lifecycle, upstream, startExecutor, allow, ended } = world
  const secretsFile = join(dir, 'secrets.json')
  const start = async (restarts: number, ...secrets: string[]) => {
    writeFileSync(secretsFile, JSON.stringify(secrets), { mode: 0o600 })
    const address = { url: upstream.url, secretsFile }
    await register(lifecycle, serverEntryFixture('scripted', upstream.url, { address, restarts }), upstream.tools)
  }
  const echoed = async (text: string) => JSON.stringify((await ended((await allow('echo', { text })).call)).final.event)
  await start(0, 'first"secret', 'another-secret')
  await startExecutor()
  assert.match(await echoed('<first"secret> another-secret'), /<\[secret\]> \[secret\]/)
  await start(1, 'second-secret')
  await until(async () => (await echoed('<second-secret>')).includes('<[secret]>'), 'the new secret is known')
  assert.match(await echoed('<first"secret> <second-secret>'), /<\[secret\]> <\[secret\]>/)

  // Gone from the registry and back, as when its document is moved.
  await (await lifecycle.bucket('servers')).remove(registryKeys.server('scripted'))
  await start(0, 'third-secret')
  await until(async () => (await echoed('<third-secret>')).includes('<[secret]>'), 'the newest secret is known')
  assert.match(await echoed('<first"secret> <second-secret>'), /<\[secret\]> <\[secret\]>/)

  // Without knowing what is secret nothing is asked.
  writeFileSync(secretsFile, 'not-json-but-secret')
  await until(async () => (await echoed('unknown')).includes('.failed.v1'), 'calls are refused')
  const before = upstream.calls.length
  const refused = await echoed('anything')
  assert.equal(upstream.calls.length, before)
  assert.match(refused, /file of secrets/)
  assert.ok(!refused.includes('not-json-but-secret'))
})

test('R9: a server takes as many calls at once as its limit says; the rest waits its turn', async (t) => {
  const { upstream, startExecutor, allow, ended } = await setUp(t, [scriptedTool('hang', readOnly)], {
    concurrency: 2,
    callTimeoutMs: 20_000,
  })
  await startExecutor()
  const calls = []
  for (let index = 0; index < 5; index++) calls.push(await allow('hang', { index }))
  await until(() => upstream.calls.length === 2, 'two are at the tool')
  const drip = setInterval(() => upstream.release(), 20)
  t.after(() => clearInterval(drip))
  for (const { call } of calls) assert.equal((await ended(call)).final.name, 'succeeded')
  assert.equal(upstream.calls.length, 5)
})
