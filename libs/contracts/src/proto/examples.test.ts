import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import addFormats from 'ajv-formats'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { callEventNames } from '../call/events.ts'
import { Allowed } from '../call/events.ts'
import { Grant, grantSigningInput } from '../call/grant.ts'
import { canonicalJson, digestOf } from '../digest.ts'
import type { Json } from '../json.ts'
import { AuditRecord, AuditRecordV3, SealedRecord } from '../record/audit-record.ts'
import { decryptValue, keyIdOf, subjectKey, unwrapDigest } from '../record/encryption.ts'
import { isOriginal, redactionSalt } from '../record/redaction.ts'
import { toJsonSchema } from './to-json-schema.ts'
import { wireSchemas } from './wire-schemas.ts'

const proto = fileURLToPath(new URL('../../../../proto/', import.meta.url))
const read = (path: string): unknown => JSON.parse(readFileSync(proto + path, 'utf8'))
const ajv = addFormats.default(new Ajv2020({ strict: true, allErrors: true }))
const bare = (name: string) => name.slice(0, name.lastIndexOf('.'))
/** Examples lie in a folder named like the schema; those of an earlier version have the version in the name. */
const folderOf = (name: string) =>
  wireSchemas.find((each) => bare(each.name) === bare(name))!.name === name ? bare(name) : name

for (const wire of wireSchemas) {
  const folder = folderOf(wire.name)
  const files = readdirSync(`${proto}examples/${folder}`)

  test(`R2: examples of ${folder} are judged alike by the code and by the JSON Schema`, () => {
    const validate = ajv.compile(toJsonSchema(wire))
    assert.ok(files.filter((file) => file.startsWith('valid-')).length >= 1, 'at least one valid example')
    assert.ok(files.filter((file) => file.startsWith('invalid-')).length >= 2, 'at least two invalid examples')
    for (const file of files) {
      assert.match(file, /^(valid|invalid)-[-a-z0-9]+\.json$/)
      const example = read(`examples/${folder}/${file}`)
      const expected = file.startsWith('valid-')
      assert.equal(validate(example), expected, `${file} by JSON Schema: ${ajv.errorsText(validate.errors)}`)
      const parsed = wire.schema.safeParse(example)
      assert.equal(parsed.success, expected, `${file} by zod: ${parsed.error?.message}`)
    }
  })
}

test('R2: every event has its examples, and no folder is left over', () => {
  assert.deepEqual(readdirSync(`${proto}examples`).toSorted(), wireSchemas.map(({ name }) => folderOf(name)).toSorted())
  for (const name of callEventNames)
    assert.ok(
      wireSchemas.some((wire) => wire.name === `${name}.v1`),
      name,
    )
})

test('R2: messages tolerate unknown members, documents do not', () => {
  for (const wire of wireSchemas) {
    const folder = folderOf(wire.name)
    const file = readdirSync(`${proto}examples/${folder}`).find((each) => each.startsWith('valid-'))!
    const example = { ...(read(`examples/${folder}/${file}`) as object), 'unheard-of': 1 }
    const tolerated = wire.role === 'message'
    assert.equal(ajv.compile({ ...toJsonSchema(wire), $id: `${wire.name}.again` })(example), tolerated, wire.name)
    assert.equal(wire.schema.safeParse(example).success, tolerated, wire.name)
  }
})

test('I4: the example grant verifies with the key in the README, and not once a claim was touched', () => {
  const pem = /-----BEGIN PUBLIC KEY-----[\s\S]+?-----END PUBLIC KEY-----/.exec(
    readFileSync(`${proto}README.md`, 'utf8'),
  )![0]
  const key = createPublicKey(pem)
  const { claims, keyId, signature } = Grant.parse(read('examples/grant/valid-one-approval.json'))
  const verifies = (changed: Partial<typeof claims>) =>
    verify(null, grantSigningInput({ ...claims, ...changed }), key, Buffer.from(signature, 'base64url'))
  assert.equal(verifies({}), true)
  const touched: Partial<typeof claims>[] = [
    { server: 'other' },
    { principal: 'agent2' },
    { tool: 'delete_file' },
    { digest: digestOf({}) },
    { definitionDigest: digestOf({}) },
    { idempotent: true },
    { policyRevision: 'other' },
    { expiresAt: '2030-01-01T00:00:00.000Z' },
    { approvals: [] },
  ]
  for (const change of touched) assert.equal(verifies(change), false, JSON.stringify(change))
  const spki = createHash('sha256').update(key.export({ type: 'spki', format: 'der' }))
  assert.equal(keyId, spki.digest('hex').slice(0, 16))
})

test('I3: the arguments an example grant travels with are those its digest names', () => {
  const { data } = read('examples/allowed/valid-after-approval.json') as { data: unknown }
  const allowed = Allowed.parse(data)
  assert.ok('inline' in allowed.arguments)
  assert.equal(digestOf(allowed.arguments.inline), allowed.grant.claims.digest)
})

test('I8: the example records are the leaves that their hashes say, as the README describes it', () => {
  for (const name of ['valid-0-first', 'valid-5-last']) {
    const { leafHash, record } = SealedRecord.parse(read(`examples/sealed-record/${name}.json`))
    const entry = `\0${canonicalJson(record as unknown as Json)}`
    assert.equal(createHash('sha256').update(entry).digest('base64'), leafHash)
  }
})

test('I9: the example of a redaction proves its original to who is given the salt', () => {
  const { tenant, stream, redactions } = AuditRecord.parse(read('examples/audit-record/valid-redacted.json'))
  const [redaction] = redactions!
  const salt = redactionSalt(Buffer.alloc(32, 7), { tenant, stream, path: redaction!.path })
  assert.ok(isOriginal(redaction!, salt, 'Ship on Friday.\n'))
  assert.ok(!isOriginal(redaction!, salt, 'Ship on Monday.\n'))
})

test('R28: the example of an encrypted record opens with the key in the README, and its digest unwraps', () => {
  const record = AuditRecordV3.parse(read('examples/audit-record/valid-encrypted.json'))
  const { tenant, stream, callId = '', encrypted, what } = record
  const key = subjectKey(keyIdOf(what!.digest)!, Buffer.alloc(32, 9))
  const data = record.cloudEvent['data'] as { digest: string; arguments: { inline: string } }
  const [{ path, digest } = { path: '' }] = encrypted!
  const args = decryptValue(key, { tenant, stream, path }, { jwe: data.arguments.inline, digest: digest! })
  assert.equal(digestOf(args), unwrapDigest(key, callId, data.digest))
  const elsewhere = { tenant, stream: { ...stream, seq: stream.seq + 1 }, path }
  assert.throws(() => decryptValue(key, elsewhere, { jwe: data.arguments.inline, digest: digest! }), /at this place/)
  assert.throws(() => unwrapDigest(key, callId.replace(/.$/, '0'), data.digest))
})
