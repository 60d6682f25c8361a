import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, verify } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import {
  callFieldsOf,
  decodeEvent,
  digestOf,
  grantKeyId,
  grantSigningInput,
  subjects,
  verbs,
} from '@countersign/contracts'
import { until } from '@countersign/testing'
import { LostRace } from '@countersign/bus'
import { cancelled } from './cancel.ts'
import { pinnedTool, policyText, toolDefinition } from './fixtures.ts'
import { startWorld, untilState } from './policy-world.ts'

test('I1, I3: an allowed call gets a grant that verifies, bound to what was asked', async (t) => {
  const world = await startWorld(t)
  const policy = await world.start()
  assert.deepEqual(policy.expectations.awaited, [])
  const { at } = await world.request({ path: '/a' })
  const history = await untilState(world.gateway, at, 'allowed')
  const { data } = history.find('allowed')!
  const { claims, keyId, signature } = data.grant
  assert.ok(verify(null, grantSigningInput(claims), world.publicKey, Buffer.from(signature, 'base64url')))
  const spki = world.publicKey.export({ type: 'spki', format: 'der' })
  assert.equal(keyId, createHash('sha256').update(spki).digest('hex').slice(0, 16))
  const definition = toolDefinition('read_file', { annotations: { readOnlyHint: true } })
  const { notBefore, policyRevision, ...bound } = claims
  assert.deepEqual(bound, {
    ...callFieldsOf(at),
    definitionDigest: digestOf(definition as never),
    idempotent: true,
    approvals: [],
    expiresAt: at.deadline,
  })
  // An executor whose clock is behind, by less than doctor complains of, takes it.
  assert.equal(Date.parse(notBefore), Date.parse(history.find('allowed')!.time) - 5000)
  assert.deepEqual(data.arguments, { inline: { path: '/a' } })
  assert.equal(data.deadline, at.deadline)
  assert.equal(data.decision.policyRevision, policyRevision)
  const { revision } = await world.console.callApi(verbs.policy.policies, {})
  assert.equal(policyRevision, revision)
})

test('I12: the key that signs grants is changed without a restart, and a broken one changes nothing', async (t) => {
  const world = await startWorld(t)
  await world.start()
  const keyIdNow = async () => {
    const { at } = await world.request({ path: '/a' })
    return (await untilState(world.gateway, at, 'allowed')).find('allowed')!.data.grant.keyId
  }
  const first = await keyIdNow()
  await writeFile(world.grantKeyFile, 'this is no key')
  assert.equal(await keyIdNow(), first)
  const faults = async () => (await world.console.callApi(verbs.policy.status, {})).faults
  await until(async () => (await keyIdNow()) === first && (await faults()).length === 1, 'the broken file is noticed')
  assert.match(
    (await faults())[0]!.problem,
    /grant\.pem cannot be used: .*, so grants are signed with the key read last/,
  )
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  await writeFile(world.grantKeyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const next = grantKeyId(publicKey.export({ type: 'spki', format: 'der' }))
  await until(async () => (await keyIdNow()) === next, 'grants are signed with the new key')
})

test('arguments by reference are fetched, proven and passed on by reference', async (t) => {
  const world = await startWorld(t)
  await world.start()
  const args = { path: 'x'.repeat(300 * 1024) }
  const { carried, digest } = await world.gateway.payloads.carry(args)
  const { at } = await world.request({}, { arguments: carried, digest })
  assert.deepEqual((await untilState(world.gateway, at, 'allowed')).find('allowed')!.data.arguments, carried)
})

test('a denial is stored, hinted to the gateway that waits, and says what to do', async (t) => {
  const world = await startWorld(t)
  const hints: string[] = []
  world.gateway.listen(subjects.replies('gw-1'), (_subject, payload) => {
    const { data } = decodeEvent('denied', payload)
    hints.push(`${data.callId} ${data.reason.code}`)
  })
  await world.start()
  const { at } = await world.request({ kind: 'Secret' }, { tool: 'write_file', replyTo: 'gw-1' })
  const { data } = (await untilState(world.gateway, at, 'denied')).find('denied')!
  assert.equal(data.reason.code, 'policy')
  assert.match(data.reason.message, /rule "drops" of policy "ops" denies this call: Secrets are not for agents/)
  await until(() => hints.length === 1, 'the hint arrives')
  assert.deepEqual(hints, [`${at.callId} policy`])
})

test('what cannot be judged is refused with its reason', async (t) => {
  const world = await startWorld(t)
  const strict = toolDefinition('strict', { inputSchema: { type: 'object', required: ['path'] } })
  await world.putTool(pinnedTool('files', strict))
  await world.putTool({ ...pinnedTool('files', toolDefinition('changed')), state: 'quarantined' })
  await world.putTool({ ...pinnedTool('files', toolDefinition('gone')), state: 'absent' })
  await world.start()
  const reasonOf = async (...request: Parameters<typeof world.request>) => {
    const { at } = await world.request(...request)
    return (await untilState(world.gateway, at, 'denied')).find('denied')!.data.reason.code
  }
  assert.equal(await reasonOf({}, { tool: 'nothing' }), 'unknown_tool')
  assert.equal(await reasonOf({}, { tool: 'gone' }), 'unknown_tool')
  assert.equal(await reasonOf({}, { server: 'nowhere' }), 'unknown_tool')
  assert.equal(await reasonOf({}, { server: 'foreign' }), 'unknown_tool')
  assert.equal(await reasonOf({}, { tool: 'changed' }), 'quarantined')
  assert.equal(await reasonOf({}, { tool: 'strict' }), 'invalid_arguments')
  assert.equal(await reasonOf({ path: 'a' }, { digest: digestOf({ path: 'b' }) }), 'invalid_arguments')
  assert.equal(await reasonOf({}, { deadline: new Date(Date.now() - 1).toISOString() }), 'deadline_exceeded')
})

test(
  'I2: two instances and a cancelling gateway: every call has one decision or one cancellation',
  { timeout: 60_000 },
  async (t) => {
    const world = await startWorld(t)
    await Promise.all([world.start(), world.start()])
    const outcomes = { cancelled: 0, allowed: 0 }
    for (let round = 0; round < 60; round++) {
      const { event, seq, at } = await world.request({ round })
      await world.gateway
        .publishEvent(at, 'cancelled', cancelled(event), seq, Date.now() + 5000)
        .catch((error: unknown) => assert.ok(error instanceof LostRace))
      const history = await until(async () => {
        const now = await world.gateway.history(at)
        return now.entries.length > 1 ? now : undefined
      }, 'it was decided')
      const names = history.entries.map(({ name }) => name)
      assert.equal(names.length, 2, names.join())
      outcomes[names[1] as keyof typeof outcomes] += 1
    }
    assert.equal(outcomes.allowed + outcomes.cancelled, 60)
  },
)

test('I10: visible is what policy would not deny outright, of the tenant, as pinned', async (t) => {
  const world = await startWorld(t, {
    'a.yaml': policyText('a', [
      'name: reads, when: "tool.readOnly", effect: allow',
      "name: some, when: \"tool.name == 'write_file' && args.path == '/a'\", effect: hold, approval: { groups: [sre] }",
      'name: never, when: "tool.name == \'danger\'", effect: deny',
    ]),
  })
  const readOnly = { annotations: { readOnlyHint: true } }
  await world.putTool(pinnedTool('files', toolDefinition('danger', readOnly)))
  await world.putTool(pinnedTool('files', toolDefinition('unmatched')))
  await world.putTool({ ...pinnedTool('files', toolDefinition('changed', readOnly)), state: 'quarantined' })
  await world.start()
  const principal = { id: 'agent', tenant: 'default', groups: ['agents'] }
  const visible = async () =>
    (await world.gateway.callApi(verbs.policy.visible, { principal, servers: ['files', 'foreign', 'nowhere'] })).tools
  assert.deepEqual(await visible(), { files: ['read_file', 'write_file'], foreign: [], nowhere: [] })
  await world.putTool(pinnedTool('files', toolDefinition('another', readOnly)))
  await until(async () => (await visible())['files']!.includes('another'), 'a new tool shows')
})
