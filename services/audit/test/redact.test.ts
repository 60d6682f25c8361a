import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  callFieldsOf,
  isOriginal,
  makeEvent,
  type PoliciesInForce,
  redactionSalt,
  subjects,
} from '@countersign/contracts'
import { startTestBus, until } from '@countersign/testing'
import { auditFolder, callWriter, keepPolicies, readAll, readAudit, startAudit, verifyFolder } from './harness.ts'

const rule = (path: string, more: object = {}): PoliciesInForce['redactions'][number] => ({
  ...{ servers: ['*'], tenants: ['*'], tools: ['*'], in: 'arguments' as const, path },
  ...more,
})

async function auditWithKey(t: Parameters<typeof auditFolder>[0], more: { key?: boolean } = {}) {
  const testBus = await startTestBus(t)
  const folder = await auditFolder(t)
  const key = randomBytes(32)
  const keyFile = join(folder.dir, '..', 'redaction.key')
  await writeFile(keyFile, key)
  const settings: Record<string, string> = more.key === false ? {} : { COUNTERSIGN_AUDIT_REDACTION_KEY_FILE: keyFile }
  const [writer, reader] = await Promise.all([callWriter(testBus), testBus.connect('audit')])
  return { testBus, folder, key, writer, reader, settings: { COUNTERSIGN_AUDIT_GATHER_MS: '20', ...settings } }
}

test(
  'R24: what a policy redacts is in no event of a call, and what is in force is never older than the events',
  { timeout: 60_000 },
  async (t) => {
    const { testBus, folder, key, writer, reader, settings } = await auditWithKey(t)
    await keepPolicies(writer.policy, [])
    const audit = await startAudit(t, testBus, folder, settings)
    // The policy comes into force a moment before each call, whenever audit is about to seal something else.
    const said: ReturnType<typeof rule>[] = []
    for (let round = 0; round < 30; round++) {
      const load = Promise.all(Array.from({ length: 10 }, () => writer.request({}, { other: 1 })))
      // As policy keeps them: what the set before said holds on for calls that began before.
      for (const before of said) before.until ??= new Date().toISOString()
      said.push(rule(`$.secret${round}`))
      await keepPolicies(writer.policy, [...said, rule('$.token', { in: 'result' })])
      await writer.request({}, { [`secret${round}`]: `hunter${round}` })
      await load
    }
    const { at } = await writer.request()
    const result = { inline: { token: 'hunter-result', said: 1 } }
    const data = { ...callFieldsOf(at), result, resultDigest: at.digest, toolError: false, durationMs: 1 }
    const executor = await testBus.connect('agent-executor')
    await writer.write(writer.policy, at, 'allowed')
    const { seq } = await writer.write(executor, at, 'dispatched')
    const succeeded = makeEvent('succeeded', data, { now: new Date() })
    await executor.publishEvent(at, 'succeeded', succeeded, seq, Date.now() + 10_000)
    const stored = await readAll(reader, 'CALLS')
    const sealed = await until(async () => {
      const records = await readAudit(reader)
      return records.length === stored.length ? records : undefined
    }, 'all is sealed')
    assert.ok(!JSON.stringify(sealed).includes('hunter'))
    const last = sealed.find(({ record }) => record.event === 'succeeded')!.record
    const [redaction] = last.redactions!
    assert.equal(redaction!.path, '/data/result/inline/token')
    const salt = redactionSalt(key, { tenant: 'default', stream: last.stream, path: redaction!.path })
    assert.ok(isOriginal(redaction!, salt, 'hunter-result'))
    assert.equal(await audit.stop('SIGTERM'), 0)
    assert.deepEqual((await verifyFolder(folder.dir)).problems, [])
  },
)

test(
  'I7, R24: audit starts also without a key for what policies redact, says so, and goes on once there is nothing to take out',
  { timeout: 60_000 },
  async (t) => {
    const { testBus, folder, writer, reader, settings } = await auditWithKey(t, { key: false })
    await keepPolicies(writer.policy, [rule('$.secret')])
    await writer.request({}, { secret: 'hunter2' })
    const audit = await startAudit(t, testBus, folder, settings)
    const { status, body } = await audit.ready()
    assert.deepEqual([status, (await reader.streamInfo('AUDIT')).lastSeq], [503, 0])
    assert.match(body, /need a key/)
    await keepPolicies(writer.policy, [])
    await until(async () => (await readAudit(reader)).length === 1, 'it is sealed')
  },
)

test(
  'R24: what policies redact is read anew from a bucket that was made anew, also at the revision that the old one had',
  { timeout: 60_000 },
  async (t) => {
    const { testBus, folder, writer, reader, settings } = await auditWithKey(t)
    await keepPolicies(writer.policy, [rule('$.old')])
    await startAudit(t, testBus, folder, settings)
    const sealed = (count: number) =>
      until(async () => {
        const records = await readAudit(reader)
        return records.length === count ? JSON.stringify(records) : undefined
      }, `${count} are sealed`)
    await writer.request({}, { old: 'hunter1' })
    assert.ok(!(await sealed(1)).includes('hunter1'))
    await testBus.loseBucket('policies')
    await keepPolicies(writer.policy, [rule('$.new')])
    assert.equal((await (await reader.bucket('policies')).standing()).lastRevision, 1)
    await writer.request({}, { new: 'hunter2' })
    assert.ok(!(await sealed(2)).includes('hunter2'))
  },
)

test(
  'I7, R24: while it is not known what policies redact, or without a key for it, no call is sealed',
  { timeout: 60_000 },
  async (t) => {
    const { testBus, folder, writer, reader, settings } = await auditWithKey(t, { key: false })
    await keepPolicies(writer.policy, [])
    const policies = await writer.policy.bucket('policies')
    await policies.remove('current')
    await writer.request({}, { secret: 'hunter2' })
    const audit = await startAudit(t, testBus, folder, settings)
    const notReady = async (why: RegExp) => {
      const { status, body } = await audit.ready()
      return status === 503 && why.test(body)
    }
    await until(() => notReady(/has not taken up any yet/), 'it is not known')
    await keepPolicies(writer.policy, [rule('$.secret')])
    await until(() => notReady(/need a key/), 'there is no key')
    assert.equal((await reader.streamInfo('AUDIT')).lastSeq, 0)
    await keepPolicies(writer.policy, [])
    await until(async () => (await audit.ready()).status === 200, 'nothing is to be redacted')
    await until(async () => (await reader.streamInfo('AUDIT', subjects.allAudit)).lastSeq === 1, 'it is sealed')
  },
)
