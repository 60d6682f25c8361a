import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import {
  activityEventNames,
  AuditRecord,
  isJsonObject,
  type JsonObject,
  SealedRecord,
  subjects,
} from '@countersign/contracts'
import { installPython } from '@countersign/testing'
import { EcsFlat, EcsVersion } from '@elastic/ecs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { makeRecord } from '../../record/make-record.ts'
import { activity } from '../../record/record-source.ts'
import { type ExportedRecord, openEntry } from '../open-entry.ts'
import { cloudEventOf } from './cloud-event-of.ts'
import { ecsOf, ecsVersion } from './ecs-of.ts'
import { type Format, formatted } from './formatted.ts'
import { ocsfOf, ocsfVersion } from './ocsf-of.ts'
import { otlpLogs } from './otlp-logs.ts'
import { syslogMessage } from './syslog-message.ts'
import { webhookBody } from './webhook-body.ts'
import { withoutContent } from './without-content.ts'

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
/** What was done to Countersign itself: each activity that there is, as audit seals it. */
const activities = activityEventNames.flatMap((name) =>
  globSync(`proto/examples/${name}/valid-*.json`, { cwd: root }).map((file) => {
    const data = readFileSync(join(root, file))
    const message = { subject: subjects.activity('default', name), data, seq: 2, storedAt: new Date() }
    const { text } = makeRecord(activity, message, { created: '2026-11-22T09:00:00Z', previous: 1 })
    return openEntry({ tenant: 'default', index: 7, text: `{"index":7,"leafHash":"q83vEjRWeJA=","record":${text}}` })
  }),
)
const all = [...records, ...ended, ...activities]
const activityOf = (name: string) => activities.find(({ sealed: { record } }) => record.event === name)!

test(
  'R27: OCSF events are valid by the published schema of their class and version',
  { skip: python === undefined && 'there is no Python 3 with pip' },
  async () => {
    const classes = ['api_activity', 'authentication', 'entity_management']
    const { stdout } = await run(
      'python3',
      [join(receivers, 'ocsf_schema.py'), ocsfVersion, 'security_control', ...classes],
      { env: { ...process.env, PYTHONPATH: python }, maxBuffer: 64 * 1024 * 1024 },
    )
    const ajv = new Ajv2020({ strict: false, allErrors: true })
    const schemas = Object.entries(JSON.parse(stdout) as Record<string, object>)
    const byClass = new Map(schemas.map(([uid, schema]) => [Number(uid), ajv.compile(schema)]))
    assert.ok(all.length > 30)
    for (const record of all.flatMap((each) => [each, withoutContent(each)])) {
      const event = ocsfOf(record)
      const validate = byClass.get(Number(event['class_uid']))!
      assert.ok(validate(event), `${record.sealed.record.event}: ${JSON.stringify(validate.errors)}`)
      assert.equal(event['raw_data'], record.text)
      assert.equal(event['type_uid'], Number(event['class_uid']) * 100 + Number(event['activity_id']))
    }
    const validate = byClass.get(6003)!
    assert.equal(validate({ ...ocsfOf(all[0]!), activity: 1 }), false)
    const { actor: _actor, ...without } = ocsfOf(all[0]!)
    assert.equal(validate(without), false)
  },
)

test('R27: OCSF names the class and the activity where its words say what was done, and else that it is another', () => {
  const told = (record: ExportedRecord) => {
    const { class_uid, activity_id, activity_name, status_id, action_id } = ocsfOf(record)
    return [class_uid, activity_id, activity_name, status_id, action_id]
  }
  const call = records.find(({ sealed }) => sealed.record.event === 'requested')!
  assert.deepEqual(told(call), [6003, 99, 'requested', 99, 3])
  const expected = {
    signed_in: [3002, 1, 'Logon', 1, 3],
    sign_in_refused: [3002, 1, 'Logon', 2, 2],
    token_refused: [3002, 1, 'Logon', 2, 2],
    caller_refused: [3002, 1, 'Logon', 2, 2],
    policies_changed: [3004, 3, 'Update', 1, 3],
    policies_refused: [3004, 3, 'Update', 2, 3],
    exports_changed: [3004, 3, 'Update', 1, 3],
    exports_refused: [3004, 3, 'Update', 2, 3],
    hold_placed: [3004, 1, 'Create', 1, 3],
    hold_lifted: [3004, 4, 'Delete', 1, 3],
    audit_read: [6003, 2, 'Read', 1, 3],
    access_refused: [6003, 99, 'access_refused', 2, 2],
    erased: [6003, 99, 'erased', 1, 3],
  }
  for (const [name, says] of Object.entries(expected)) assert.deepEqual(told(activityOf(name)), says, name)
  assert.deepEqual(ocsfOf(activityOf('signed_in'))['src_endpoint'], { ip: '10.0.0.7' })
  const { user, count, src_endpoint } = ocsfOf(activityOf('token_refused'))
  // Whose token it was nobody knows, and it came from two places.
  assert.deepEqual(
    [user, count, src_endpoint],
    [{ name: 'unknown', type_id: 0, type: 'Unknown' }, 14, { svc_name: 'countersign' }],
  )
})

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
    const expected = (fields.get('event.category') as string[]).flatMap((category) => {
      const allowed = EcsFlat['event.category'].allowed_values.find(({ name }) => name === category)
      return [...(allowed?.expected_event_types ?? [])] as string[]
    })
    for (const type of fields.get('event.type') as string[]) assert.ok(expected.includes(type), type)
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

test('R27: what is longer than a target takes is told without its content, in every format, and says so', () => {
  const entry = records.find(({ sealed }) => sealed.record.what)!
  const text = entry.text.replace(
    '"cloudEvent":{',
    `"cloudEvent":{"padding":"${'ü"'.repeat(3000).replaceAll('"', '\\"')}",`,
  )
  const long = openEntry({ ...entry, text })
  const marks: Record<Format, (told: JsonObject) => unknown> = {
    json: ({ cut }) => cut,
    cloudevents: ({ cut }) => cut,
    ocsf: ({ metadata }) => (metadata as JsonObject)['is_truncated'],
    ecs: ({ tags }) => (tags as string[] | undefined)?.includes('cut'),
  }
  for (const [format, mark] of Object.entries(marks) as [Format, (told: JsonObject) => unknown][]) {
    const whole = formatted(format, long)
    const bytes = Buffer.byteLength(whole)
    const told = (maxRecordBytes?: number) =>
      (JSON.parse(webhookBody({ format, body: 'array', maxRecordBytes }, [long]).body.toString()) as JsonObject[])[0]!
    for (const most of [undefined, bytes]) assert.deepEqual(told(most), JSON.parse(whole), format)
    assert.equal(mark(told()), undefined, format)
    const short = told(bytes - 1)
    assert.equal(mark(short), true, format)
    const id =
      format === 'ocsf'
        ? (short['metadata'] as JsonObject)['uid']
        : (short['id'] ?? (short['event'] as JsonObject)['id'])
    assert.equal(id, long.id)
    assert.ok(!JSON.stringify(short).includes('ü'), format)
    assert.ok(JSON.stringify(short).includes(long.sealed.record.what!.tool), format)
    SealedRecord.parse(JSON.parse(formatted('json', withoutContent(long))))
  }
  const [whole, short] = [undefined, 4096].map((most) => otlpLogs([long], most))
  assert.ok(whole!.includes('ü') && !whole!.includes('countersign.cut'))
  assert.ok(!short!.includes('ü') && short!.includes('{"key":"countersign.cut","value":{"boolValue":true}}'))
  assert.ok(Buffer.byteLength(short!) < 8192)
})

test('R27: a syslog message is whole, or has the record without its content, or is a line; JSON is never cut', () => {
  const entry = records.find(({ sealed }) => sealed.record.what)!
  const { record } = entry.sealed
  const long = (which: object) =>
    openEntry({ ...entry, text: JSON.stringify({ ...entry.sealed, record: { ...record, ...which } }) })
  const padding = 'ü '.repeat(4096)
  const form = { format: 'json', hostname: 'host', maxBytes: 8192, byteOrderMark: false } as const
  const read = (of: ExportedRecord, more = {}) => {
    const message = syslogMessage(of, { ...form, ...more })
    assert.ok(message.length <= form.maxBytes)
    const [, data, text] = /^<\d+>1 \S+ host countersign - \S+ \[(.*?[^\\])\] (.*)$/s.exec(message.toString())!
    return { isCut: data!.includes('cut="true"'), text: text! }
  }
  assert.deepEqual(read(entry), { isCut: false, text: formatted('json', entry) })
  const content = long({ cloudEvent: { padding } })
  assert.deepEqual(read(content), { isCut: true, text: formatted('json', withoutContent(content)) })
  const line = read(long({ resource: { type: 'tool', name: padding } }))
  assert.deepEqual([line.isCut, /^\w+ \S+ for /.test(line.text)], [true, true])
  assert.equal(read(entry, { byteOrderMark: true }).text, `\u{feff}${formatted('json', entry)}`)
})

test('R27: the body of a webhook is an envelope, an array or JSON Lines', () => {
  const some = records.slice(0, 3)
  const told = some.map((record) => JSON.parse(formatted('ecs', record)) as JsonObject)
  const body = (format: Format, kind?: 'envelope' | 'array' | 'ndjson') => {
    const { body, contentType } = webhookBody({ format, ...(kind ? { body: kind } : {}) }, some)
    return { text: body.toString(), contentType }
  }
  const envelope = {
    type: 'audit.records',
    timestamp: some[2]!.sealed.record.storedAt,
    data: { format: 'ecs', records: told },
  }
  for (const kind of [undefined, 'envelope'] as const) {
    const { text, contentType } = body('ecs', kind)
    assert.deepEqual([JSON.parse(text), contentType], [envelope, 'application/json'])
  }
  const array = body('ecs', 'array')
  assert.deepEqual([JSON.parse(array.text), array.contentType], [told, 'application/json'])
  const lines = body('ecs', 'ndjson')
  assert.ok(lines.text.endsWith('}\n'))
  assert.deepEqual(
    lines.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JsonObject),
    told,
  )
  assert.equal(lines.contentType, 'application/x-ndjson')
  for (const kind of [undefined, 'array'] as const) {
    const { text, contentType } = body('cloudevents', kind)
    assert.deepEqual(JSON.parse(text), some.map(cloudEventOf))
    assert.equal(contentType, 'application/cloudevents-batch+json')
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
