import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { SealedRecord } from '@countersign/contracts'
import { findGo, findVersitygw, makeCertificate, startS3, until } from '@countersign/testing'
import { S3Store } from '@countersign/tlog'
import { idsUpTo, operatorOf, startExports, startReceiver } from './export-fixture.ts'
import { buildReceivers, startReceiverProcess } from './start-receiver-process.ts'

const go = await findGo()
const versitygw = await findVersitygw()
const noGo = go === undefined && 'there is no Go to build the receivers with'

test(
  "R27: the Collector's own decoder reads the records of an OTLP export",
  { skip: noGo, timeout: 300_000 },
  async (t) => {
    const collector = await startReceiverProcess(t, await buildReceivers(t, go!), 'otlp')
    const { write, log, start } = await startExports(t, 12)
    await write('otlp', { to: { type: 'otlp', url: `http://127.0.0.1:${collector.port}/v1/logs` } })
    await start()
    const received = await until(
      () => (collector.received().length === 12 ? collector.received() : undefined),
      'all came',
    )
    const entries = await log.tree('default').read(0, 12)
    for (const [index, record] of received.entries()) {
      assert.equal(record['body'], entries[index]!.text)
      const { record: sealed, leafHash } = SealedRecord.parse(JSON.parse(record['body']))
      assert.equal(record['service'], 'countersign')
      assert.equal(record['event'], 'countersign.audit.requested')
      assert.equal(record['severity'], 'Info')
      assert.equal(Date.parse(record['time']), Date.parse(sealed.time!))
      assert.deepEqual(record['attributes'], {
        'log.record.uid': `audit.default.${index}`,
        'countersign.tenant': 'default',
        'countersign.index': index,
        'countersign.leaf_hash': leafHash,
        'countersign.event': 'requested',
        'countersign.call.id': sealed.callId,
        'countersign.server': sealed.server,
        'user.id': sealed.who!.principal,
        'mcp.method.name': 'tools/call',
        'gen_ai.tool.name': sealed.what!.tool,
      })
    }
  },
)

test('R26: a collector that wants to be asked later is, and what it took only a part of is set aside', async (t) => {
  const { write, start } = await startExports(t, 6)
  const answers = ['later', 'part', 'all']
  const asked: { at: number; answer: string }[] = []
  const receiver = await startReceiver(t, (_received, response) => {
    const answer = answers.shift() ?? 'all'
    asked.push({ at: Date.now(), answer })
    if (answer === 'later') return response.writeHead(429, { 'retry-after': '1' }).end()
    const partialSuccess = answer === 'part' ? { rejectedLogRecords: '2', errorMessage: 'too old' } : {}
    return response.writeHead(200).end(JSON.stringify({ partialSuccess }))
  })
  await write('otlp', { batch: { records: 3 }, to: { type: 'otlp', url: receiver.url } })
  const exports = await start()
  const view = await until(() => exports.view('default').exports.find(({ next }) => next === 6), 'it is through')
  // The backoff of the test is far shorter than what the collector asked for.
  assert.ok(asked[1]!.at - asked[0]!.at >= 900)
  assert.deepEqual([view.sent, view.failed, view.dead], [3, 1, 1])
  const [{ first, last, reason }] = view.deadLetters as [(typeof view.deadLetters)[0]]
  assert.deepEqual([first, last, reason], [0, 2, 'the collector rejected 2 of these 3 records: too old'])
})

test('R26: letters that do not fit in place of one leave it as it is, and no record is without', async (t) => {
  const { write, append, letters, start } = await startExports(t, 5)
  let answer = { status: 200, body: { partialSuccess: { rejectedLogRecords: '2' } } as object }
  const receiver = await startReceiver(t, (_received, response) => {
    response.writeHead(answer.status).end(JSON.stringify(answer.body))
  })
  await write('otlp', { to: { type: 'otlp', url: receiver.url } })
  const exports = await start({ maxDeadLetters: 3 })
  const ranges = () => letters('otlp').map(({ first, last }) => [first, last])
  await until(() => letters('otlp').length === 1, 'a batch that was taken in part is one letter')
  assert.deepEqual(ranges(), [[0, 4]])
  answer = { status: 400, body: {} }
  await exports.settle(operatorOf('default'), 'otlp', 'retry')
  await until(() => /answered 400/.test(letters('otlp')[0]!.reason), 'it is refused')
  assert.deepEqual(ranges(), [[0, 4]])
  // One fewer of them fits.
  await exports.settle(operatorOf('default'), 'otlp', 'discard')
  answer = { status: 200, body: { partialSuccess: { rejectedLogRecords: '1' } } }
  await append(3)
  exports.wake()
  await until(() => letters('otlp').length === 1, 'the next is one letter again')
  answer = { status: 400, body: {} }
  await exports.settle(operatorOf('default'), 'otlp', 'retry')
  // The one that was there is replaced last.
  await until(() => ranges().some(([first, last]) => first === 5 && last === 5), 'it is refused, record by record')
  assert.deepEqual(
    ranges().toSorted(([a = 0], [b = 0]) => a - b),
    [5, 6, 7].map((index) => [index, index]),
  )
})

test(
  'R27: a published RFC 5424 parser reads syslog over TCP and TLS, whatever the values',
  { skip: noGo, timeout: 300_000 },
  async (t) => {
    const { write, append, start, root, log } = await startExports(t)
    const odd = 'a "quoted" \\ value ] with \n lines, ünïcode and \u{1f600}'
    await append(3, (seq) => ({ text: seq === 3 ? 'long '.repeat(2000) : odd }))
    const { caFile, certFile, keyFile } = await makeCertificate(root)
    const program = await buildReceivers(t, go!)
    const tcp = await startReceiverProcess(t, program, 'syslog')
    const tls = await startReceiverProcess(t, program, 'syslog', certFile, keyFile)
    const to = { type: 'syslog', host: 'localhost' }
    await write('tcp', { to: { ...to, port: tcp.port, host: '127.0.0.1', transport: 'tcp' } })
    await write('tls', { to: { ...to, port: tls.port, tls: { caFile } } })
    await write('distrusting', { to: { ...to, port: tls.port } })
    const exports = await start()
    const entries = await log.tree('default').read(0, 3)
    for (const receiver of [tcp, tls]) {
      const received = await until(
        () => (receiver.received().length === 3 ? receiver.received() : undefined),
        'all came',
      )
      for (const [index, message] of received.entries()) {
        const { record, leafHash } = SealedRecord.parse(JSON.parse(entries[index]!.text))
        const { facility, severity, app, event } = message
        assert.deepEqual([facility, severity, app, event], [13, 6, 'countersign', 'requested'])
        assert.equal(Date.parse(message['time']), Date.parse(record.time!))
        const { 'countersign@32473': data } = message['data'] as Record<string, Record<string, string>>
        const { id, principal, cut } = data!
        assert.deepEqual(
          [id, data!['leafHash'], principal],
          [`audit.default.${index}`, leafHash, record.who!.principal],
        )
        const text = (message['message'] as string).replace('\u{feff}', '')
        if (index === 2)
          assert.deepEqual([cut, text], ['true', `requested ${record.server}/${record.what!.tool} for ${principal}`])
        else assert.deepEqual(JSON.parse(text), { id, ...JSON.parse(entries[index]!.text) })
      }
    }
    const failing = exports.view('default').exports.find(({ name }) => name === 'distrusting')!
    assert.deepEqual([failing.state, failing.next], ['failing', 0])
    assert.match(failing.problem!, /UNABLE_TO_VERIFY_LEAF_SIGNATURE|unable to verify/i)
  },
)

test(
  'R26, R27: an archive in S3 has every record once, in objects by day that are the same when written again',
  { skip: 'none' in versitygw && versitygw.none, timeout: 120_000 },
  async (t) => {
    const bucket = await startS3(t, 'path' in versitygw ? versitygw.path : '')
    const { write, append, start, root } = await startExports(t, 25)
    const credentialsFile = join(root, 'credentials.json')
    await writeFile(credentialsFile, JSON.stringify(bucket.credentials))
    const url = `${bucket.endpoint}/${bucket.bucket}/archive`
    const spec = { batch: { records: 10, after: '1s' }, to: { type: 's3', url, credentialsFile } }
    await write('archive', spec)
    const exports = await start()
    const store = new S3Store({ ...bucket, prefix: 'archive/' })
    await until(() => exports.view('default').exports[0]?.next === 25, 'all is archived')
    const day = new Date().toISOString().slice(0, 10).replaceAll('-', '/')
    const names = await store.list(`default/${day}`)
    assert.deepEqual(names, [
      '000000000000-000000000009.jsonl.gz',
      '000000000010-000000000019.jsonl.gz',
      '000000000020-000000000024.jsonl.gz',
    ])
    const read = async () => {
      const files = await Promise.all(names.map((name) => store.read(`default/${day}/${name}`)))
      return files.map((file) => file!.toString('base64'))
    }
    const before = await read()
    const lines = before.flatMap((file) => gunzipSync(Buffer.from(file, 'base64')).toString().trimEnd().split('\n'))
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { id: string }).id),
      idsUpTo(25),
    )
    // Another export to the same place writes the same bytes under the same names.
    await write('again', spec)
    await until(
      () => exports.view('default').exports.find(({ name }) => name === 'again')?.next === 25,
      'it is archived again',
    )
    assert.deepEqual(await store.list(`default/${day}`), names)
    assert.deepEqual(await read(), before)
    await append(1)
    exports.wake()
    await until(
      async () => (await store.list(`default/${day}`)).length === 4,
      'what is not many is written when it waited long enough',
    )
  },
)

test(
  'R26: an archive in a bucket whose server has a certificate of its own authority is written where that is trusted',
  { skip: 'none' in versitygw && versitygw.none, timeout: 120_000 },
  async (t) => {
    const { write, start, root } = await startExports(t, 5)
    const tls = await makeCertificate(root)
    const bucket = await startS3(t, 'path' in versitygw ? versitygw.path : '', tls)
    const credentialsFile = join(root, 'credentials.json')
    await writeFile(credentialsFile, JSON.stringify(bucket.credentials))
    const to = { type: 's3', url: `${bucket.endpoint}/${bucket.bucket}/archive`, credentialsFile }
    const batch = { records: 5 }
    await write('trusting', { batch, to: { ...to, tls: { caFile: tls.caFile } } })
    await write('distrusting', { batch, to })
    const exports = await start()
    const of = (name: string) => exports.view('default').exports.find((view) => view.name === name)!
    await until(() => of('trusting').next === 5 && of('distrusting').failed > 1, 'one is through, the other fails')
    const store = new S3Store({ ...bucket, prefix: 'archive/', tls: { ca: await readFile(tls.caFile, 'utf8') } })
    const day = new Date().toISOString().slice(0, 10).replaceAll('-', '/')
    assert.deepEqual(await store.list(`default/${day}`), ['000000000000-000000000004.jsonl.gz'])
    assert.deepEqual([of('distrusting').next, of('distrusting').sent], [0, 0])
    assert.match(of('distrusting').problem!, /unable to verify|UNABLE_TO_VERIFY/)
  },
)
