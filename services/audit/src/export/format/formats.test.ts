import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { AuditRecord, isJsonObject, type JsonObject, SealedRecord } from '@countersign/contracts'
import { installPython } from '@countersign/testing'
import { EcsFlat, EcsVersion } from '@elastic/ecs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { openEntry } from '../open-entry.ts'
import { cloudEventOf } from './cloud-event-of.ts'
import { ecsOf, ecsVersion } from './ecs-of.ts'
import { ocsfOf, ocsfVersion } from './ocsf-of.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../../../../..')
const receivers = join(import.meta.dirname, '../../../test/receivers')
const python = await installPython(join(receivers, 'requirements.txt'))

/** Every record that the wire contract has as an example: of calls and activities, of every version. */
const records = globSync('proto/examples/audit-record*/valid-*.json', { cwd: root })
  .toSorted()
  .map((file, index) => {
    const record = AuditRecord.parse(JSON.parse(readFileSync(join(root, file), 'utf8')))
    const text = JSON.stringify(SealedRecord.parse({ index, leafHash: 'q83vEjRWeJA=', record }))
    return openEntry({ tenant: record.tenant, index, text })
  })
/** The same ways to end that a call has. */
const ended = ['succeeded', 'failed', 'denied', 'unknown', 'cancelled', 'resolved'].map((event) => {
  const base = records.find(({ sealed }) => sealed.record.what)!
  const reason = event === 'succeeded' ? {} : { reason: { code: 'policy', message: 'no' } }
  const record = {
    ...base.sealed.record,
    event,
    outcome: { status: event, ...reason },
    execution: { durationMs: 12.5 },
  }
  return openEntry({ ...base, text: JSON.stringify({ ...base.sealed, record }) })
})
const all = [...records, ...ended]

test(
  'R27: OCSF events are valid by the published schema of their class and version',
  { skip: python === undefined && 'there is no Python 3 with pip' },
  async () => {
    const { stdout } = await run(
      'python3',
      [join(receivers, 'ocsf_schema.py'), ocsfVersion, 'api_activity', 'security_control'],
      {
        env: { ...process.env, PYTHONPATH: python },
        maxBuffer: 16 * 1024 * 1024,
      },
    )
    const validate = new Ajv2020({ strict: false, allErrors: true }).compile(JSON.parse(stdout) as object)
    assert.ok(all.length > 10)
    for (const record of all) {
      const event = ocsfOf(record)
      assert.ok(validate(event), `${record.sealed.record.event}: ${JSON.stringify(validate.errors)}`)
      assert.equal(event['raw_data'], record.text)
    }
    assert.equal(validate({ ...ocsfOf(all[0]!), activity: 1 }), false)
    const { actor: _actor, ...without } = ocsfOf(all[0]!)
    assert.equal(validate(without), false)
  },
)

test('R27: ECS documents have only fields of the published schema, with values that it allows', () => {
  assert.equal(ecsVersion, EcsVersion)
  for (const record of all) {
    const document = ecsOf(record)
    const fields = flat(document)
    for (const [name, value] of fields) {
      const field = (
        EcsFlat as Record<string, { type: string; allowed_values?: { name: string }[]; normalize: string[] }>
      )[name]
      assert.ok(field, `${name} is no field of ECS`)
      assert.equal(Array.isArray(value), field.normalize.includes('array'), name)
      const allowed = field.allowed_values?.map((each) => each.name)
      for (const each of [value].flat()) {
        if (allowed) assert.ok(allowed.includes(String(each)), `${name}: ${String(each)}`)
        assert.equal(typeof each, field.type === 'long' ? 'number' : 'string', name)
        if (field.type === 'long') assert.ok(Number.isInteger(each), name)
        if (field.type === 'date') assert.ok(!Number.isNaN(Date.parse(String(each))), name)
      }
    }
    const types = EcsFlat['event.category'].allowed_values.find(({ name }) => name === 'api')!
      .expected_event_types as readonly string[]
    for (const type of fields.get('event.type') as string[]) assert.ok(types.includes(type), type)
    assert.equal(fields.get('event.original'), record.text)
  }
})

test('a CloudEvent names the record, its log and its call', () => {
  for (const record of all) {
    const { specversion, id, source, type, time, data } = cloudEventOf(record)
    assert.deepEqual([specversion, id, source], ['1.0', record.id, `/services/audit/${record.tenant}`])
    assert.match(String(type), /^dev\.countersign\.audit\.[a-z_.]+\.v[23]$/)
    assert.deepEqual([time, data], [record.sealed.record.storedAt, record.sealed])
  }
})

/** Members by their names with dots, as ECS has them. */
function flat(document: JsonObject, before = ''): Map<string, unknown> {
  const fields = new Map<string, unknown>()
  for (const [key, value] of Object.entries(document)) {
    if (!isJsonObject(value)) fields.set(before + key, value)
    else for (const [name, inner] of flat(value, `${before}${key}.`)) fields.set(name, inner)
  }
  return fields
}
