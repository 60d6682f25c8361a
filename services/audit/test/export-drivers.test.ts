import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { SealedRecord } from '@countersign/contracts'
import { findGo, findVersitygw, makeCertificate, startS3, until } from '@countersign/testing'
import { S3Store } from '@countersign/tlog'
import { withoutContent } from '../src/export/format/without-content.ts'
import { HttpPost } from '../src/export/http-post.ts'
import { openEntry } from '../src/export/open-entry.ts'
import { idsIn, idsUpTo, operatorOf, startExports, startReceiver } from './export-fixture.ts'
import { buildReceivers, startReceiverProcess } from './start-receiver-process.ts'

const go = await findGo()
const versitygw = await findVersitygw()
const noGo = go === undefined && 'there is no Go to build the receivers with'

test(
  "R27: the Collector's own decoder reads the records of an OTLP export",
  { skip: noGo, timeout: 300_000 },
  async (t) => {
    const program = await buildReceivers(t, go!)
    const [collector, zipped] = await Promise.all([0, 1].map(() => startReceiverProcess(t, program, 'otlp')))
    const { write, append, log, start } = await startExports(t, 11)
    await append(1, () => ({ text: 'long '.repeat(2000) }))
    const to = (port: number) => ({ type: 'otlp', url: `http://127.0.0.1:${port}/v1/logs`, maxRecordBytes: 8192 })
    await write('otlp', { to: to(collector!.port) })
    await write('zipped', { to: { ...to(zipped!.port), compression: 'gzip' } })
    await start()
    const [received, inflated] = await Promise.all(
      [collector!, zipped!].map((each) =>
        until(() => (each.received().length === 12 ? each.received() : undefined), 'all came'),
      ),
    )
    assert.deepEqual(
      inflated,
      received!.map((record) => ({ ...record, encoding: 'gzip' })),
    )
    const entries = await log.tree('default').read(0, 12)
    for (const [index, record] of received!.entries()) {
      assert.equal(record['encoding'], '')
      const isCut = index === 11
      assert.equal(record['body'], isCut ? withoutContent(openEntry(entries[index]!)).text : entries[index]!.text)
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
        ...(isCut ? { 'countersign.cut': true } : {}),
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

test('R26: what an answer leads to: set aside, stopped, or tried again', async (t) => {
  const { write, start, secretFile } = await startExports(t, 1)
  const receiver = await startReceiver(t, ({ headers }, response) => {
    const [status, retryAfter] = headers['x-answer']!.split('-')
    response.writeHead(Number(status), retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end('because')
  })
  const expected: Record<string, [state: string, dead: number, said: RegExp]> = {
    204: ['waiting', 0, /^$/],
    301: ['failing', 0, /^the target answered 301: redirects are not followed; name the place it leads to$/],
    400: ['waiting', 1, /^the target answered 400: because$/],
    401: ['failing', 0, /^the target answered 401; look at the URL and the credentials$/],
    403: ['failing', 0, /403; look at/],
    404: ['failing', 0, /404; look at/],
    408: ['failing', 0, /^the target answered 408$/],
    410: ['blocked', 0, /^the target answered 410: it wants no more$/],
    413: ['waiting', 1, /^the target answered 413 to a body of \d+ bytes: because$/],
    '413-1': ['failing', 0, /^the target answered 413$/],
    422: ['waiting', 1, /^the target answered 422: because$/],
    429: ['failing', 0, /^the target answered 429$/],
    '429-1': ['failing', 0, /^the target answered 429$/],
    500: ['failing', 0, /^the target answered 500$/],
    503: ['failing', 0, /^the target answered 503$/],
  }
  for (const answer of Object.keys(expected)) {
    const headers = [{ name: 'X-Answer', value: answer }]
    await write(`e${answer}`, { to: { type: 'webhook', url: receiver.url, secretFile, headers } })
  }
  const exports = await start()
  const views = await until(() => {
    const found = exports.view('default').exports
    return found.every(({ state, failed }) => state !== 'sending' && (state !== 'failing' || failed > 0)) && found
  }, 'each was answered')
  for (const { name, state, dead, next, problem, deadLetters } of views) {
    const [wanted, letters, said] = expected[name.slice(1)]!
    assert.deepEqual([name, state, dead, next], [name, wanted, letters, wanted === 'waiting' ? 1 : 0])
    assert.match(problem ?? deadLetters[0]?.reason ?? '', said)
  }
})

test('R26: a target that wants no more is not asked again, and loses nothing when its document says where to', async (t) => {
  const { write, append, start, secretFile } = await startExports(t, 3)
  let asked = 0
  let answer = 410
  const receiver = await startReceiver(t, (_received, response) => {
    asked += 1
    response.writeHead(answer).end()
  })
  const to = { type: 'webhook', url: receiver.url, secretFile }
  await write('hook', { to })
  const exports = await start()
  const view = () => exports.view('default').exports[0]!
  await until(() => view().state === 'blocked', 'it has stopped')
  await append(3)
  exports.wake()
  await until(() => view().lagRecords === 6, 'records go on being sealed')
  assert.deepEqual([view().state, asked, view().failed], ['blocked', 1, 1])
  const [trouble] = exports.view('default').troubles
  assert.deepEqual([trouble?.state, trouble?.lagRecords], ['blocked', 6])
  assert.match(trouble!.remedy, /^remove its document, or change it/)
  answer = 200
  await write('hook', { to: { ...to, format: 'ecs' } })
  await until(() => view().next === 6 && view().state === 'waiting', 'it goes on where it was')
  // The batch that was begun, and what was sealed since.
  assert.equal(asked, 3)
})

test('R26: who wants no more is not asked for dead letters time and again; one that is taken shows that it does', async (t) => {
  const { write, append, start, secretFile, letters } = await startExports(t, 1)
  let asked = 0
  let answer = 422
  const receiver = await startReceiver(t, (_received, response) => {
    asked += 1
    response.writeHead(answer).end()
  })
  await write('hook', { to: { type: 'webhook', url: receiver.url, secretFile } })
  const exports = await start()
  await until(() => letters('hook').length === 1, 'it is set aside')
  answer = 410
  await exports.settle(operatorOf('default'), 'hook', 'retry')
  const view = () => exports.view('default').exports[0]!
  await until(() => view().state === 'blocked', 'it has stopped')
  for (let each = 1; each <= 3; each++) {
    await append(1)
    exports.wake()
    await until(() => view().lagRecords === each, 'there is more')
  }
  assert.equal(asked, 2)
  answer = 200
  await exports.settle(operatorOf('default'), 'hook', 'retry')
  await until(() => view().next === 4 && view().dead === 0, 'it takes them again')
})

test('R26: a target that wanted no more and refuses dead letters that are sent again shows that it is there', async (t) => {
  const { write, append, start, secretFile, letters } = await startExports(t, 1)
  let answer = 422
  const receiver = await startReceiver(t, (_received, response) => response.writeHead(answer).end())
  await write('hook', { to: { type: 'webhook', url: receiver.url, secretFile } })
  const exports = await start()
  await until(() => letters('hook').length === 1, 'it is set aside')
  answer = 410
  await append(1)
  exports.wake()
  const view = () => exports.view('default').exports[0]!
  await until(() => view().state === 'blocked', 'it has stopped')
  assert.match(exports.view('default').troubles[0]!.remedy, /or have its dead letters sent again$/)
  answer = 400
  await exports.settle(operatorOf('default'), 'hook', 'retry')
  await until(() => view().next === 2 && view().state === 'waiting', 'it goes on')
  assert.equal(view().dead, 2)
})

test('R26: a record that a target finds too large is set aside by itself, or told without its content', async (t) => {
  const { write, append, start, secretFile, letters } = await startExports(t, 4)
  const large = 3.5 * 1024 * 1024
  await append(1, () => ({ text: 'x'.repeat(large) }))
  await append(4)
  const bounded = await startReceiver(t, (_received, response) => response.writeHead(200).end(), 1024 * 1024)
  const cutting = await startReceiver(t, (_received, response) => response.writeHead(200).end(), 1024 * 1024)
  const open = await startReceiver(t, (_received, response) => response.writeHead(200).end())
  const to = { type: 'webhook', secretFile }
  const batch = { bytes: 8 * 1024 * 1024 }
  await write('bounded', { batch, to: { ...to, url: bounded.url } })
  await write('cutting', { batch, to: { ...to, url: cutting.url, maxRecordBytes: 100_000 } })
  await write('open', { to: { ...to, url: open.url } })
  const exports = await start()
  await until(() => exports.view('default').exports.every(({ next }) => next === 9), 'all are through')
  const [letter, ...more] = letters('bounded')
  assert.deepEqual([letter?.first, letter?.last, more.length], [4, 4, 0])
  assert.match(letter!.reason, /^the target answered 413 to a body of 36\d{5} bytes/)
  assert.deepEqual(idsIn(bounded.taken), [...idsUpTo(4), ...idsUpTo(9, 5)])
  assert.deepEqual([idsIn(cutting.taken), cutting.taken.length], [idsUpTo(9), 1])
  assert.deepEqual([letters('cutting'), cutting.taken[0]!.body.split('"cut":true').length], [[], 2])
  // Each batch has a record at least, and what comes after a large one waits for the next.
  assert.deepEqual(
    open.taken.map((each) => idsIn([each])),
    [idsUpTo(4), idsUpTo(5, 4), idsUpTo(9, 5)],
  )
})

test('R26: a connection that was kept and that the target closed is no failure', async (t) => {
  const { write, start, secretFile } = await startExports(t, 3)
  const served = new WeakSet<object>()
  let closed = 0
  const receiver = await startReceiver(t, (_received, response) => {
    if (served.has(response.socket!)) {
      closed += 1
      return response.socket!.destroy()
    }
    served.add(response.socket!)
    response.writeHead(200).end()
  })
  await write('hook', { batch: { records: 1 }, to: { type: 'webhook', url: receiver.url, secretFile } })
  const exports = await start()
  const view = await until(() => exports.view('default').exports.find(({ next }) => next === 3), 'it is through')
  assert.deepEqual([view.failed, idsIn(receiver.taken)], [0, idsUpTo(3)])
  assert.ok(closed > 0)
})

test('R26: an answer that does not end is given up on; a refusal counts as soon as it is known to be one', async (t) => {
  let answer: (response: ServerResponse) => void
  const server = createServer((request, response) => {
    request.resume()
    answer(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const post = new HttpPost({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  t.after(() => post.close())
  const send = (ms: number) => post.send(Buffer.from('{}'), {}, AbortSignal.timeout(ms))
  answer = (response) => response.writeHead(200).write('to be continued')
  await assert.rejects(send(100), { message: 'the target cannot be reached: it did not answer in time' })
  answer = (response) => response.writeHead(413).write('too lar', () => response.socket!.destroy())
  await assert.rejects(send(10_000), { name: 'Refused', answer: 'too lar' })
})

test('R26: a file that a document names and that is not there is named', async (t) => {
  const { write, start, root, secretFile } = await startExports(t, 1)
  const caFile = join(root, 'no-such-ca.pem')
  await write('hook', { to: { type: 'webhook', url: 'https://127.0.0.1:1', secretFile, tls: { caFile } } })
  const exports = await start()
  const { problem } = await until(() => exports.view('default').exports.find(({ failed }) => failed > 0), 'it fails')
  assert.match(problem!, /ENOENT: .*no-such-ca\.pem/)
})

test('I9, R26: what a target repeats of headers and of its address is in no dead letter', async (t) => {
  const { write, start, root, secretFile, letters } = await startExports(t, 1)
  const token = join(root, 'token')
  await writeFile(token, 'Bearer hunter2-hunter2\n')
  const receiver = await startReceiver(t, ({ headers }, response) =>
    response.writeHead(400).end(`no ${headers['authorization']?.replace('Bearer ', '')} at /hook/secret-path, sorry`),
  )
  const headers = [{ name: 'Authorization', valueFrom: { file: token } }]
  await write('hook', { to: { type: 'webhook', url: `${receiver.url}/secret-path`, secretFile, headers } })
  await start()
  const [letter] = await until(() => (letters('hook').length === 1 ? letters('hook') : undefined), 'it is set aside')
  assert.equal(letter!.reason, 'the target answered 400: no […] at […], sorry')
})

test('I9, R26: what a target repeats of parts of its address, and a collector of what it took in part, is in no dead letter', async (t) => {
  const { write, start, root, secretFile, letters } = await startExports(t, 1)
  const token = join(root, 'token')
  await writeFile(token, 'Bearer hunter2-hunter2\n')
  const refusing = await startReceiver(t, (_received, response) =>
    response.writeHead(400).end('no se%2Fcret-part, se/cret-part, key value%20one or value one in default'),
  )
  const collector = await startReceiver(t, ({ headers }, response) => {
    const errorMessage = `${headers['authorization']?.replace('Bearer ', '')}\u0007\nis too old`
    response.writeHead(200).end(JSON.stringify({ partialSuccess: { rejectedLogRecords: '1', errorMessage } }))
  })
  const url = `${refusing.url}/se%2Fcret-part/in?key=value%20one`
  await write('hook', { to: { type: 'webhook', url, secretFile } })
  const headers = [{ name: 'Authorization', valueFrom: { file: token } }]
  await write('otlp', { to: { type: 'otlp', url: collector.url, headers } })
  await start()
  await until(() => letters('hook').length === 1 && letters('otlp').length === 1, 'both are set aside')
  assert.deepEqual(
    ['hook', 'otlp'].map((name) => letters(name)[0]!.reason),
    [
      'the target answered 400: no […], […], key […] or […] in default',
      'the collector rejected 1 of these 1 records: […] is too old',
    ],
  )
})

test('R26: a header that cannot be sent is named', async (t) => {
  const { write, start, root, secretFile } = await startExports(t, 1)
  const file = join(root, 'token')
  await writeFile(file, 'Bearer one\ntwo-hunter2\n')
  const headers = [{ name: 'Authorization', valueFrom: { file } }]
  await write('hook', { to: { type: 'webhook', url: 'http://127.0.0.1:1/', secretFile, headers } })
  const exports = await start()
  const problem = await until(() => exports.view('default').exports[0]?.problem, 'it fails')
  assert.match(problem, /^the target cannot be reached: Invalid character in header content \["authorization"\]$/)
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
    await write('tls', { to: { ...to, port: tls.port, tls: { caFile }, byteOrderMark: true } })
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
        const mark = receiver === tls ? '\u{feff}' : ''
        const text = message['message'] as string
        assert.ok(text.startsWith(`${mark}{`))
        const told = JSON.parse(text.slice(mark.length)) as object
        const sealed = { id, ...JSON.parse(entries[index]!.text) }
        if (index < 2) assert.deepEqual([cut, told], [undefined, sealed])
        else
          assert.deepEqual(
            [cut, told],
            ['true', { ...sealed, cut: true, record: { ...sealed.record, cloudEvent: {} } }],
          )
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
