import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { encode } from '@countersign/bus'
import { type JsonObject, verbs } from '@countersign/contracts'
import { startTestBus, until } from '@countersign/testing'
import { RecordChanges } from '../src/export/record-changes.ts'
import { exportDocument, operatorOf, startExports, startReceiver } from './export-fixture.ts'
import { auditFolder, callWriter, openTestLog, readAll, readAudit, readLog, startAudit } from './harness.ts'

test('R23, R26: what is done to exports is in the log: documents by the platform’s tenant, dead letters by who settled them', async (t) => {
  const bus = await startTestBus(t)
  const folder = await auditFolder(t)
  let refusing = true
  const receiver = await startReceiver(t, (_received, response) => response.writeHead(refusing ? 422 : 200).end())
  const { dir, secretFile } = await startExports(t)
  const to = { type: 'webhook', url: `${receiver.url}/secret-path`, secretFile }
  const match = { servers: ['files'] }
  const file = join(dir, 'hook.yaml')
  await writeFile(file, exportDocument('hook', { match, to }))
  const settings = { COUNTERSIGN_AUDIT_EXPORTS_DIR: dir, COUNTERSIGN_PLATFORM_TENANT: 'platform' }
  const audit = await startAudit(t, bus, folder, settings)
  const reader = await bus.connect('auditor')
  const records = async (event: string) =>
    (await readAudit(reader)).flatMap(({ record }) => (record.event === event ? [record] : []))
  const data = async (event: string, count: number) =>
    until(async () => {
      const found = await records(event)
      return found.length === count ? (found.at(-1)!.cloudEvent as { data: JsonObject }).data : undefined
    }, `${count} ${event}`)
  const { added, changed, removed } = await data('exports_changed', 1)
  const told = { name: 'hook', type: 'webhook', host: new URL(receiver.url).host, personal: 'sealed' }
  assert.deepEqual([added, changed, removed], [[told], [], []])

  const { request } = await callWriter(bus)
  await request({ tenant: 'acme' })
  const console = await bus.connect('console')
  const [operator, stranger] = [operatorOf('acme'), operatorOf('other')]
  const dead = async () => (await console.callApi(verbs.audit.exports, { tenant: 'acme' })).exports[0]?.dead
  await until(async () => (await dead()) === 1, 'a record is set aside')
  const settle = (action: 'retry' | 'discard', by = operator) =>
    console.callApi(verbs.audit.settleExport, { operator: by, name: 'hook', action })
  assert.equal((await settle('retry')).deadLetters, 1)
  const retried = await data('dead_letters_retried', 1)
  assert.deepEqual([retried['deadLetters'], retried['records']], [1, [{ first: 0, last: 0 }]])
  assert.equal((await settle('discard', stranger)).deadLetters, 0)
  assert.equal((await settle('discard')).deadLetters, 1)
  await data('dead_letters_discarded', 1)
  const [record] = await records('dead_letters_discarded')
  assert.ok(record && 'resource' in record)
  assert.deepEqual(
    [record.tenant, record.resource, record.who?.actor, record.outcome?.status],
    ['acme', { type: 'export', name: 'hook' }, 'olga', 'succeeded'],
  )
  assert.equal(await dead(), 0)

  await writeFile(file, 'kind: AuditExport')
  const { problemCount } = await data('exports_refused', 1)
  assert.ok(Number(problemCount) > 0)
  await writeFile(file, exportDocument('hook', { match, personal: 'open', to }))
  const second = await data('exports_changed', 2)
  assert.deepEqual(second['changed'], [{ ...told, personal: 'open' }])
  // What changes while audit is away is told when it is back, and what did not change is not told again.
  await audit.stop('SIGKILL')
  await rm(file)
  const again = await startAudit(t, bus, folder, settings)
  assert.deepEqual((await data('exports_changed', 3))['removed'], ['hook'])
  assert.deepEqual(
    (await records('exports_changed')).map(({ tenant, who }) => [tenant, who?.actor]),
    Array.from({ length: 3 }, () => ['platform', 'audit']),
  )
  assert.ok(!JSON.stringify(await readAudit(reader)).includes('secret-path'))
  refusing = false
  await again.stop('SIGTERM')
})

test('R23, R26: a change that was kept and not recorded is recorded after the next start, under its id', async (t) => {
  const { write, start, bus, secretFile } = await startExports(t)
  const receiver = await startReceiver(t, (_received, response) => response.writeHead(200).end())
  await write('hook', { to: { type: 'webhook', url: receiver.url, secretFile } })
  const first = await start()
  const stored = async () =>
    (await readAll(bus, 'LIFECYCLE')).map(({ data }) => (JSON.parse(Buffer.from(data).toString()) as { id: string }).id)
  const ids = await until(async () => ((await stored()).length === 1 ? stored() : undefined), 'it is recorded')
  await first.stop()
  // As if it had been killed before it stored one.
  const bucket = await bus.bucket('exports')
  const kept = JSON.parse(Buffer.from((await bucket.get('changes'))!).toString()) as { unrecorded: object[] }
  assert.deepEqual(kept.unrecorded, [])
  const owed = { tenant: 'default', name: 'exports_refused', event: { id: 'owed', data: { tenant: 'default' } } }
  await bucket.put('changes', encode({ ...kept, unrecorded: [owed] }))
  await start()
  await until(async () => (await stored()).length === 2, 'what was owed is recorded, and nothing else')
  assert.deepEqual(await stored(), [...ids, 'owed'])
})

test('R26, R33: while too many changes wait to be recorded, dead letters stay, what is in force stays so, and audit starts', async (t) => {
  const { dir, write, start, bus, letters, secretFile, append, logger } = await startExports(t, 1)
  const receiver = await startReceiver(t, (_received, response) => response.writeHead(422).end())
  const to = { type: 'webhook', url: receiver.url, secretFile }
  await write('hook', { to })
  const full = { store: () => Promise.reject(new Error('LIFECYCLE is full')) }
  const first = await start(full)
  await until(() => letters('hook').length === 1, 'it is set aside')
  const settle = () => first.settle(operatorOf('default'), 'hook', 'retry')
  for (let each = 1; each < 100; each++) await settle()
  await assert.rejects(settle(), /100 changes of exports wait to be recorded, .* LIFECYCLE/)
  await assert.rejects(first.settle(operatorOf('default'), 'hook', 'discard'), /wait to be recorded/)
  assert.equal(letters('hook').length, 1)
  const bucket = await bus.bucket('exports')
  const kept = async () => {
    const { value, revision } = await bucket.read('changes')
    return {
      revision,
      waiting: (JSON.parse(Buffer.from(value!).toString()) as { unrecorded: object[] }).unrecorded.length,
    }
  }
  const before = await kept()
  assert.equal(before.waiting, 100)

  const errors = t.mock.method(logger, 'error')
  const changed = t.mock.method(RecordChanges.prototype, 'changed')
  const said = () => errors.mock.calls.map(({ arguments: [, text] }) => text)
  const tried = (times: number) => until(() => changed.mock.callCount() >= times, `it is tried ${times} times`)
  const namesIn = (exports: typeof first) => exports.view('default').exports.map(({ name }) => name)
  const untried = () => [errors, changed].forEach(({ mock }) => mock.resetCalls())
  const problem = 'exports could not be taken up; trying again'
  const refusal = 'exports refused; what their files said before stays in force'
  await write('other', { to })
  await writeFile(join(dir, 'broken.yaml'), 'kind: AuditExport')
  await tried(3)
  assert.deepEqual([namesIn(first), said()], [['hook'], [refusal, problem]])
  await first.stop()
  untried()
  const second = await start(full)
  await tried(3)
  assert.deepEqual([namesIn(second), said()], [['hook'], [refusal, problem]])
  await append(1)
  second.wake()
  await until(() => letters('hook').length === 2, 'what was in force before sends')
  // What it said before stays in force also when it cannot be read any more.
  await writeFile(join(dir, 'hook.yaml'), 'kind: AuditExport')
  await until(() => second.view('default').problems.some(({ file }) => file === 'hook.yaml'), 'it is read')
  assert.deepEqual(namesIn(second), ['hook'])
  await second.stop()

  await Promise.all(['broken.yaml', 'other.yaml'].map((file) => rm(join(dir, file))))
  await write('hook', { to })
  untried()
  const third = await start(full)
  assert.deepEqual(
    [namesIn(third), said(), await kept()],
    [['hook'], [], before],
    'where nothing differs nothing is kept',
  )
  await third.stop()
  await write('other', { to })
  const last = await start()
  await until(() => namesIn(last).length === 2, 'the other is in force once its change can be recorded')
})

test('R26: there may be 20 exports; one more is refused by its name, and the others are at work', async (t) => {
  const { dir, write, start, secretFile } = await startExports(t, 1)
  const receiver = await startReceiver(t, (_received, response) => response.writeHead(200).end())
  const to = { type: 'webhook', url: receiver.url, secretFile }
  const name = (each: number) => `e${String(each).padStart(2, '0')}`
  for (let each = 1; each <= 21; each++) await write(name(each), { to })
  const exports = await start()
  const names = () => exports.view('default').exports.map((view) => view.name)
  const expected = Array.from({ length: 20 }, (_, place) => name(place + 1))
  await until(() => exports.view('default').exports.every(({ next }) => next === 1), 'those that may be are at work')
  assert.deepEqual(names(), expected)
  assert.deepEqual(
    exports.view('default').problems.map(({ file, message }) => [file, message]),
    [
      [
        'e21.yaml',
        '"e21" would be one more than the 20 exports that there may be; remove another, or have one send what several do',
      ],
    ],
  )
  await write('e00', { to })
  const refused = () => exports.view('default').problems.map(({ file }) => file)
  await until(() => refused().length === 2, 'it is refused whatever its name')
  assert.deepEqual([refused(), names()], [['e00.yaml', 'e21.yaml'], expected])
  await Promise.all(['e00', 'e05'].map((file) => rm(join(dir, `${file}.yaml`))))
  await until(() => names().includes('e21'), 'there is room')
  assert.deepEqual(exports.view('default').problems, [])
})

test('R26: of more than 20 exports those that were in force before a restart are so after it, whatever their names', async (t) => {
  const { write, start, secretFile } = await startExports(t)
  const to = { type: 'syslog', host: '127.0.0.1', port: 1, transport: 'tcp' }
  const name = (each: number) => `e${String(each).padStart(2, '0')}`
  const expected = Array.from({ length: 20 }, (_, place) => name(place + 1))
  for (const each of expected) await write(each, { to })
  const before = await start()
  assert.equal(before.view('default').exports.length, 20)
  await before.stop()
  await write('e00', { to: { type: 'webhook', url: 'http://127.0.0.1:1/', secretFile } })
  const after = await start()
  assert.deepEqual(
    [after.view('default').exports.map((view) => view.name), after.view('default').problems.map(({ file }) => file)],
    [expected, ['e00.yaml']],
  )
})

test('I9, R23: a secret that somebody wrote into a refused document is in no event, no log and no answer', async (t) => {
  const bus = await startTestBus(t)
  const folder = await auditFolder(t)
  const { dir } = await startExports(t)
  const settings = { COUNTERSIGN_AUDIT_EXPORTS_DIR: dir, COUNTERSIGN_PLATFORM_TENANT: 'platform' }
  const head = (name: string) =>
    `apiVersion: countersign.dev/v1alpha1\nkind: AuditExport\nmetadata: { name: ${name} }\n`
  const header = (value: string) =>
    `spec:\n  to: { type: otlp, url: "https://siem.example", headers: [{ name: A, value: ${value} }] }\n`
  const specs = [
    'spec:\n  to: { type: otlp, url: "https://user:hunter2@siem.example/logs" }\n',
    ...[
      '[hunter2]',
      '*hunter2',
      '!hunter2 a',
      '"\\hunter2"',
      'Bearer, hunter2',
      '@hunter2',
      'a] hunter2',
      '{{ hunter2: a }: b }',
    ].map(header),
    header('x').replace('name: A', 'name: "hunter2 "'),
    'spec:\n  to: { type: hunter2 }\n',
    'spec:\n  to: hunter2\n',
  ]
  for (const [at, spec] of specs.entries()) await writeFile(join(dir, `${at}.yaml`), head(`e${at}`) + spec)
  const audit = await startAudit(t, bus, folder, settings)
  const reader = await bus.connect('auditor')
  const refused = await until(async () => {
    const sealed = await readAudit(reader)
    return sealed.find(({ record }) => record.event === 'exports_refused')
  }, 'the refusal is sealed')
  const { problems } = (refused.record.cloudEvent as { data: { problems: string[] } }).data
  const places = new Set(problems.map((line) => line.split(':')[0]))
  assert.equal(places.size, specs.length, problems.join('\n'))
  const [console, own] = [await bus.connect('console'), await bus.connect('audit')]
  const told: unknown[] = [
    problems,
    (await readAll(own, 'LIFECYCLE')).map(({ data }) => Buffer.from(data).toString()),
    (await readAll(reader, 'AUDIT')).map(({ data }) => Buffer.from(data).toString()),
    Buffer.from((await (await own.bucket('exports')).get('changes'))!).toString(),
    await console.callApi(verbs.audit.exports, { tenant: 'platform' }),
    audit.output(),
  ]
  await audit.stop('SIGTERM')
  const log = await openTestLog(folder)
  told.push(await readLog(log), audit.output())
  await log.close()
  assert.ok(audit.output().includes('exports refused'))
  for (const each of told) assert.ok(!JSON.stringify(each).includes('hunter2'), JSON.stringify(each, null, 1))
})
