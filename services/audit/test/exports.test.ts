import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { encode } from '@countersign/bus'
import { verbs } from '@countersign/contracts'
import { startTestBus, until } from '@countersign/testing'
import { Webhook } from 'standardwebhooks'
import { batchesAtOnce } from '../src/export/driver.ts'
import { exportDocument, idsIn, idsUpTo, operatorOf, startExports, startReceiver } from './export-fixture.ts'
import { auditFolder, callWriter, startAudit } from './harness.ts'
import { personalSettings } from './personal.ts'

/** That exports changed is a record, too: not among those that are counted. */
const platformApart = { COUNTERSIGN_PLATFORM_TENANT: 'platform' }
const onlyDefault = { match: { tenants: ['default'] } }

const viewOf = (exports: Awaited<ReturnType<Awaited<ReturnType<typeof startExports>>['start']>>, name: string) =>
  exports.view('default').exports.find((view) => view.name === name)

test('R26: a target that was away gets everything, in order, and goes on where it was when audit is killed', async (t) => {
  const bus = await startTestBus(t)
  const folder = await auditFolder(t)
  let away = true
  const receiver = await startReceiver(t, (_received, response) => response.writeHead(away ? 503 : 204).end())
  const { dir, secretFile } = await startExports(t)
  const target = { type: 'webhook', url: receiver.url, secretFile }
  await writeFile(join(dir, 'hook.yaml'), exportDocument('hook', { ...onlyDefault, batch: { records: 7 }, to: target }))
  const settings = { ...platformApart, COUNTERSIGN_AUDIT_EXPORTS_DIR: dir, COUNTERSIGN_AUDIT_GATHER_MS: '10' }
  const audit = await startAudit(t, bus, folder, settings)
  const { request } = await callWriter(bus)
  const console = await bus.connect('console')
  const standing = async () => (await console.callApi(verbs.audit.exports, { tenant: 'default' })).exports[0]
  for (let each = 0; each < 30; each++) await request()
  const failing = await until(async () => {
    const view = await standing()
    return view?.state === 'failing' && view.lagRecords === 30 ? view : undefined
  }, 'the export fails, and everything is sealed all the same')
  assert.match(failing.problem ?? '', /answered 503/)
  assert.match(failing.remedy ?? '', /tried again by itself, and nothing is lost/)
  const troubles = (await console.callApi(verbs.audit.exports, { tenant: 'default' })).troubles
  assert.deepEqual(
    troubles.map(({ name, tenant, state }) => [name, tenant, state]),
    [['hook', 'default', 'failing']],
  )
  assert.ok(Date.parse(troubles[0]!.since) < Date.now())
  assert.match(
    await audit.metrics(),
    /countersign_audit_export_trouble_seconds\{[^}]*export="hook",tenant="default",state="failing"[^}]*\} \d/,
  )
  away = false
  await until(() => receiver.taken.length > 0, 'the first batch is taken')
  await audit.stop('SIGKILL')
  const second = await startAudit(t, bus, folder, settings)
  for (let each = 0; each < 10; each++) await request()
  await until(async () => (await standing())?.next === 40, 'the cursor is at the end')
  const ids = idsIn(receiver.taken)
  assert.deepEqual([...new Set(ids)], idsUpTo(40))
  // At most the batch that was on its way.
  assert.ok(ids.length - 40 <= 7, `${ids.length} records were sent`)
  await second.stop('SIGTERM')
})

test('R26: a batch whose answer was lost is cut the same again after a restart, under the same id', async (t) => {
  const { write, append, start, secretFile } = await startExports(t, 3)
  const asked: string[] = []
  let answering = false
  const receiver = await startReceiver(t, ({ headers }, response) => {
    asked.push(headers['webhook-id']!)
    if (answering) response.writeHead(200).end()
  })
  await write('hook', { to: { type: 'webhook', url: receiver.url, secretFile } })
  const first = await start()
  await until(() => asked.length === 1, 'a batch is on its way')
  await first.stop()
  await append(4)
  answering = true
  const second = await start()
  await until(() => viewOf(second, 'hook')?.next === 7, 'all is sent')
  assert.equal(asked[1], asked[0])
  assert.deepEqual(
    asked.slice(1).map((id) => /^msg_hook_default_(\d+_\d+)_[0-9a-f]{8}$/.exec(id)?.[1]),
    ['0_2', '3_6'],
  )
})

test('R26: a target that hangs delays nobody else, and nothing is lost to it', async (t) => {
  const { write, append, log, start, secretFile } = await startExports(t, 20)
  const hanging = await startReceiver(t, () => {})
  const good = await startReceiver(t, (_received, response) => response.writeHead(200).end())
  await write('hanging', { to: { type: 'webhook', url: hanging.url, secretFile } })
  await write('good', { to: { type: 'webhook', url: good.url, secretFile } })
  const exports = await start()
  await append(20)
  exports.wake()
  await until(() => idsIn(good.taken).length === 40, 'the other target has everything')
  assert.deepEqual(idsIn(good.taken), idsUpTo(40))
  assert.equal(log.tree('default').size, 40)
  const view = viewOf(exports, 'hanging')!
  assert.deepEqual([view.next, view.lagRecords, view.state], [0, 40, 'sending'])
  await until(() => viewOf(exports, 'good')?.state === 'waiting', 'nothing is left to do')
})

test('R26: records that are refused for good are set aside with the reason, the rest goes on; they can be sent again', async (t) => {
  const { write, start, secretFile } = await startExports(t, 50)
  const refused = new Set(['audit.default.13', 'audit.default.31'])
  const receiver = await startReceiver(t, ({ body }, response) => {
    if (![...refused].some((id) => body.includes(`"${id}"`))) return response.writeHead(200).end()
    return response.writeHead(422).end('no such field: tool')
  })
  await write('picky', { to: { type: 'webhook', url: receiver.url, secretFile } })
  const exports = await start()
  await until(() => viewOf(exports, 'picky')?.next === 50, 'all is sent or set aside')
  assert.deepEqual(new Set(idsIn(receiver.taken)), new Set(idsUpTo(50).filter((id) => !refused.has(id))))
  const { deadLetters, sent } = viewOf(exports, 'picky')!
  assert.equal(sent, 48)
  assert.deepEqual(
    deadLetters.map(({ first, last }) => [first, last]),
    [
      [13, 13],
      [31, 31],
    ],
  )
  assert.match(deadLetters[0]!.reason, /answered 422: no such field: tool/)
  // They outlive the process, and only what is refused again stays.
  await exports.stop()
  const again = await start()
  refused.delete('audit.default.13')
  assert.equal(await again.settle(operatorOf('default'), 'picky', 'retry'), 2)
  await until(
    () => viewOf(again, 'picky')?.dead === 1 && idsIn(receiver.taken).includes('audit.default.13'),
    'one is sent',
  )
  assert.equal(viewOf(again, 'picky')?.deadLetters[0]?.first, 31)
  assert.equal(await again.settle(operatorOf('default'), 'picky', 'discard'), 1)
  assert.equal(viewOf(again, 'picky')?.dead, 0)
  await assert.rejects(
    again.settle(operatorOf('default'), 'other', 'retry'),
    /there is no export other, so nothing was done; there are picky/,
  )
})

test('R26, R28: what a target says that gets content opened is not kept with a dead letter', async (t) => {
  const { write, start, secretFile } = await startExports(t, 1)
  const receiver = await startReceiver(t, ({ body }, response) => response.writeHead(422).end(body))
  await write('opened', { personal: 'open', to: { type: 'webhook', url: receiver.url, secretFile } })
  const exports = await start()
  const letters = await until(() => {
    const view = viewOf(exports, 'opened')
    return view?.dead === 1 ? view.deadLetters : undefined
  }, 'it is set aside')
  assert.equal(letters[0]?.reason, 'the target answered 422')
})

test('R26: dead letters are bounded: an export whose target refuses everything stops, and goes on when they are settled', async (t) => {
  const { write, start, secretFile } = await startExports(t, 60)
  let refusing = true
  const receiver = await startReceiver(t, (_received, response) => response.writeHead(refusing ? 400 : 200).end())
  await write('closed', { batch: { records: 1 }, to: { type: 'webhook', url: receiver.url, secretFile } })
  const exports = await start({ maxDeadLetters: 50 })
  const blocked = await until(() => {
    const view = viewOf(exports, 'closed')
    return view?.state === 'blocked' && view.next === 50 ? view : undefined
  }, 'the export is blocked')
  assert.deepEqual([blocked.next, blocked.lagRecords, blocked.dead], [50, 10, 50])
  assert.match(blocked.problem ?? '', /^50 dead letters are kept .* retry or discard/)
  refusing = false
  await exports.settle(operatorOf('default'), 'closed', 'retry')
  await until(() => viewOf(exports, 'closed')?.next === 60, 'it goes on')
  assert.deepEqual(new Set(idsIn(receiver.taken)), new Set(idsUpTo(60)))
})

test('R26: dead letters are bounded within a batch, too: it stops there, and goes on behind what was set aside', async (t) => {
  const { write, start, letters, secretFile } = await startExports(t, 60)
  const receiver = await startReceiver(t, (_received, response) => response.writeHead(400).end())
  await write('closed', { batch: { records: 60 }, to: { type: 'webhook', url: receiver.url, secretFile } })
  const exports = await start({ maxDeadLetters: 25 })
  const setAside: number[] = []
  for (const upTo of [25, 50, 60]) {
    const { dead, state } = await until(() => {
      const view = viewOf(exports, 'closed')
      return view?.next === upTo && view.state !== 'sending' ? view : undefined
    }, `what is before ${upTo} is set aside`)
    const kept = letters('closed')
    assert.deepEqual([dead, kept.length, state], upTo < 60 ? [25, 25, 'blocked'] : [10, 10, 'waiting'])
    setAside.push(...kept.map(({ first, last }) => (assert.equal(first, last), first)))
    await exports.settle(operatorOf('default'), 'closed', 'discard')
  }
  assert.deepEqual(
    setAside.toSorted((a, b) => a - b),
    Array.from({ length: 60 }, (_, index) => index),
  )
})

test('R26: what one tenant’s records meet holds up no other tenant of the export', async (t) => {
  const { write, append, start, secretFile } = await startExports(t)
  const tenants = ['failing', 'hanging', 'refused', 'fine']
  await append(40, (seq) => ({ tenant: tenants[seq % 4]! }))
  let mended = false
  const receiver = await startReceiver(t, ({ body }, response) => {
    const has = (tenant: string) => !mended && body.includes(`"audit.${tenant}.`)
    if (has('hanging')) return
    response.writeHead(has('failing') ? 503 : has('refused') ? 422 : 200).end()
  })
  await write('hook', { batch: { records: 5 }, to: { type: 'webhook', url: receiver.url, secretFile } })
  const exports = await start({ maxDeadLetters: 3 })
  const of = (tenant: string) => exports.view(tenant).exports[0]!
  const [failing, refused] = await until(() => {
    const views = [of('failing'), of('refused')] as const
    return of('fine').next === 10 && views[0].failed > 3 && views[1].state === 'blocked' ? views : undefined
  }, 'the tenant that nothing is wrong with has all')
  await append(4, () => ({ tenant: 'fine' }))
  exports.wake()
  await until(() => of('fine').next === 14, 'and what is sealed later')
  assert.deepEqual(
    idsIn(receiver.taken),
    Array.from({ length: 14 }, (_, index) => `audit.fine.${index}`),
  )
  const { state, problem, failed, dead } = of('fine')
  assert.deepEqual([state, problem, failed, dead], ['waiting', undefined, 0, 0])
  assert.deepEqual([failing.state, failing.problem, failing.dead], ['failing', 'the target answered 503', 0])
  assert.deepEqual([refused.dead, refused.failed, refused.next], [3, 0, 3])
  assert.deepEqual([of('hanging').state, of('hanging').next], ['sending', 0])
  assert.equal(await exports.settle(operatorOf('fine'), 'hook', 'discard'), 0)
  assert.equal(of('refused').dead, 3)
  mended = true
  await exports.settle(operatorOf('refused'), 'hook', 'retry')
  await until(() => of('failing').next === 10 && of('refused').next === 10, 'each goes on for itself')
  assert.deepEqual([of('refused').dead, of('failing').state], [0, 'waiting'])
})

test('R26: who halves a batch, or sends much again, holds a slot of the target for one request at a time', async (t) => {
  const { write, append, start, secretFile } = await startExports(t)
  const refused = Array.from({ length: batchesAtOnce }, (_, place) => `refused${place}`)
  const each = 64
  await append(each * refused.length, (seq) => ({ tenant: refused[seq % refused.length]! }))
  const asked = new Map<string, number>()
  let askedBeforeFine: number[] | undefined
  let held = Promise.withResolvers<void>()
  const receiver = await startReceiver(t, ({ body }, response) => {
    const tenant = /"audit\.(\w+)\./.exec(body)![1]!
    if (tenant === 'fine') askedBeforeFine = [...asked.values()]
    else asked.set(tenant, (asked.get(tenant) ?? 0) + 1)
    void held.promise.then(() => response.writeHead(tenant === 'fine' ? 200 : 422).end())
  })
  await write('hook', { batch: { records: each }, to: { type: 'webhook', url: receiver.url, secretFile } })
  const exports = await start()
  const of = (tenant: string) => exports.view(tenant).exports[0]!
  /** Every slot is taken by a tenant that has much to ask; then comes one with a single record. */
  const fineComes = async (requests: number) => {
    await until(() => asked.size === refused.length, 'every slot is taken')
    await append(1, () => ({ tenant: 'fine' }))
    exports.wake()
    await until(() => of('fine').lagRecords === 1, 'another tenant has something to send')
    held.resolve()
    await until(() => askedBeforeFine !== undefined, 'the other tenant gets its turn')
    for (const count of askedBeforeFine!) assert.ok(count < requests, `${askedBeforeFine!.join()} of ${requests}`)
    await until(() => refused.every((tenant) => of(tenant).next === each), 'all is set aside')
  }
  await fineComes(2 * each - 1)
  held = Promise.withResolvers()
  asked.clear()
  askedBeforeFine = undefined
  for (const tenant of refused) assert.equal(await exports.settle(operatorOf(tenant), 'hook', 'retry'), each)
  await fineComes(each)
})

test('R26: filters choose tenants, servers and events; an export from now on leaves out what was before', async (t) => {
  const { write, append, start, secretFile } = await startExports(t, 5)
  const receiver = await startReceiver(t, (_received, response) => response.writeHead(200).end())
  const later = await startReceiver(t, (_received, response) => response.writeHead(200).end())
  const to = { type: 'webhook', url: receiver.url, secretFile }
  await write('acme', { match: { tenants: ['ac*'], servers: ['fil*'], events: ['requested'] }, to })
  await write('denials', { match: { events: ['denied'] }, to })
  await write('later', { from: 'now', to: { ...to, url: later.url } })
  const exports = await start()
  await until(() => viewOf(exports, 'later')?.next === 5 && viewOf(exports, 'denials')?.next === 5, 'they have begun')
  await append(4, (seq) => ({ tenant: seq % 2 === 0 ? 'acme' : 'default' }))
  exports.wake()
  await until(() => idsIn(receiver.taken).length === 2 && idsIn(later.taken).length === 4, 'what matches is sent')
  assert.deepEqual(idsIn(receiver.taken), ['audit.acme.0', 'audit.acme.1'])
  assert.deepEqual(idsIn(later.taken).toSorted(), [
    'audit.acme.0',
    'audit.acme.1',
    'audit.default.5',
    'audit.default.6',
  ])
  assert.equal(viewOf(exports, 'acme'), undefined)
  await until(() => viewOf(exports, 'later')?.sent === 2, 'what was sent is counted by tenant')
  assert.equal(exports.view('acme').exports.find(({ name }) => name === 'acme')?.sent, 2)
})

test('R26: an export from now on that has begun skips nothing, also when its bucket was lost and has only what was kept since', async (t) => {
  const { write, append, start, secretFile, bus, loseBucket } = await startExports(t)
  const receiver = await startReceiver(t, (_received, response) => response.writeHead(200).end())
  const alternating = (seq: number) => ({ tenant: seq % 2 === 0 ? 'acme' : 'default' })
  await append(6, alternating)
  await write('later', { from: 'now', to: { type: 'webhook', url: receiver.url, secretFile } })
  const first = await start()
  await until(() => viewOf(first, 'later')?.next === 3, 'it has begun')
  await first.stop()
  await loseBucket()
  // As audit kept it that was killed before it had put the rest back.
  const bucket = await bus.bucket('exports')
  await bucket.put('cursor.later.default', encode({ next: 4 }))
  await append(4, alternating)
  await start()
  const waiting = ['audit.default.4', ...idsUpTo(5).map((id) => id.replace('default', 'acme'))]
  await until(() => idsIn(receiver.taken).length >= waiting.length, 'what waits is sent')
  assert.deepEqual(idsIn(receiver.taken).toSorted(), waiting.toSorted())
})

test('R26: an export from now on that was killed while it began begins where it wanted to', async (t) => {
  const { write, append, start, secretFile, bus } = await startExports(t)
  const receiver = await startReceiver(t, (_received, response) => response.writeHead(200).end())
  await append(6, (seq) => ({ tenant: seq % 2 === 0 ? 'acme' : 'default' }))
  const bucket = await bus.bucket('exports')
  await bucket.put('cursor.later._begun', encode({ next: 0, sending: 0 }))
  await bucket.put('cursor.later.acme', encode({ next: 2 }))
  await write('later', { from: 'now', to: { type: 'webhook', url: receiver.url, secretFile } })
  const exports = await start()
  await until(() => viewOf(exports, 'later')?.next === 3, 'it has begun')
  await append(1)
  exports.wake()
  await until(() => idsIn(receiver.taken).length === 2, 'what is new is sent')
  assert.deepEqual(idsIn(receiver.taken).toSorted(), ['audit.acme.2', 'audit.default.3'])
})

test('R26, I12: what exports remember is put back when their bucket was lost, and they go on where they were', async (t) => {
  const { write, append, start, secretFile, bus, letters, loseBucket } = await startExports(t, 3)
  const receiver = await startReceiver(t, ({ body }, response) =>
    response.writeHead(body.includes('"audit.default.4"') ? 422 : 200).end(),
  )
  await write('later', { from: 'now', to: { type: 'webhook', url: receiver.url, secretFile } })
  const first = await start()
  await until(() => viewOf(first, 'later')?.next === 3, 'it has begun')
  await append(3)
  first.wake()
  await until(() => viewOf(first, 'later')?.next === 6 && letters('later').length === 1, 'all is sent or set aside')
  const bucket = await bus.bucket('exports')
  const keys = ['changes', 'cursor.later._begun', 'cursor.later.default', 'dead.later.default.4']
  const kept = () => Promise.all(keys.map(async (key) => Buffer.from((await bucket.get(key)) ?? []).toString()))
  const before = await until(async () => {
    const values = await kept()
    return values[2] === '{"next":6}' && values
  }, 'the cursor is kept')
  await loseBucket()
  await until(async () => !(await kept()).includes(''), 'all is put back')
  assert.deepEqual(await kept(), before)
  await first.stop()
  await append(1)
  const again = await start()
  await until(() => viewOf(again, 'later')?.next === 7, 'it goes on')
  assert.deepEqual(
    [idsIn(receiver.taken), letters('later').length],
    [[3, 5, 6].map((index) => `audit.default.${index}`), 1],
  )
})

test('R26: a broken document is refused with file, line and reason, and what it said before stays in force', async (t) => {
  const { dir, write, append, start, secretFile } = await startExports(t)
  const receiver = await startReceiver(t, (_received, response) => response.writeHead(200).end())
  const to = { type: 'webhook', url: receiver.url, secretFile }
  await write('hook', { to })
  const exports = await start()
  const broken = [
    ['spec:\n  mtach: {}', 'hook.yaml:5:3: unknown key `mtach` in `spec`, did you mean `match`?'],
    [
      'spec:\n  to: { type: webhok }',
      'hook.yaml:5:15: `spec.to.type` must be `webhook`, `otlp`, `syslog` or `s3`; did you mean `webhook`?',
    ],
    [
      'spec:\n  to: { type: otlp, url: "http://collector.example/v1/logs" }',
      'hook.yaml:5:26: records would travel unencrypted to another machine; use TLS',
    ],
    ['spec:\n  to: { type: otlp, url: "https://user:pass@collector.example/v1/logs" }', 'credentials go into files'],
    ['spec:\n  to: { type: otlp, url: "https://[::1/" }', 'hook.yaml:5:26: `spec.to.url` has a host'],
    [
      'spec:\n  to: { type: otlp, url: "https://c.example", secretFile: x }',
      '`secretFile` does not go with this `type` of target; remove it',
    ],
    [
      'spec:\n  to: { type: webhook, url: "https://c.example", secretFile: x, format: cloudevents, body: envelope }',
      'a batch of CloudEvents is an array; write `array` or `ndjson`, or leave `body` out',
    ],
  ]
  const head = 'apiVersion: countersign.dev/v1alpha1\nkind: AuditExport\nmetadata: { name: hook }\n'
  for (const [text, expected] of broken) {
    await writeFile(join(dir, 'hook.yaml'), head + text!)
    const lines = await until(() => {
      const { problems } = exports.view('default')
      const all = problems.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`).join('\n')
      return all.includes(expected!) ? all : undefined
    }, expected!)
    assert.ok(lines.length > 0)
    assert.deepEqual(exports.view('acme').problems, [])
  }
  await append(1)
  exports.wake()
  await until(() => idsIn(receiver.taken).length === 1, 'the export before is in force')
  await write('hook', { to: { ...to, headers: [{ name: 'X-Which', value: 'second' }] } })
  await until(() => exports.view('default').problems.length === 0, 'the good document is taken up')
  await append(1)
  exports.wake()
  await until(() => receiver.taken.at(-1)?.headers['x-which'] === 'second', 'it is in force')
  assert.deepEqual(idsIn(receiver.taken), idsUpTo(2))
  await rm(join(dir, 'hook.yaml'))
  await until(() => exports.view('default').exports.length === 0, 'an export whose document went away ends')
})

test('R27: webhooks are signed as Standard Webhooks says, judged by its own library, with the old and the new key', async (t) => {
  const { write, start, secret, secretFile } = await startExports(t, 3)
  const newer = `whsec_${Buffer.alloc(24, 9).toString('base64')}`
  await writeFile(secretFile, `${secret}\n${newer}\n`)
  const receiver = await startReceiver(t, (_received, response) => response.writeHead(200).end())
  await write('signed', { to: { type: 'webhook', url: receiver.url, secretFile } })
  await start()
  const { headers, body } = await until(() => receiver.taken[0], 'a webhook came')
  for (const key of [secret, newer]) {
    const { type, data } = new Webhook(key).verify(body, headers) as { type: string; data: { records: object[] } }
    assert.deepEqual([type, data.records.length], ['audit.records', 3])
  }
  assert.throws(() => new Webhook(secret).verify(body.replace('default', 'defauld'), headers), /No matching signature/)
  assert.match(headers['webhook-id']!, /^msg_signed_default_0_2_[0-9a-f]{8}$/)
})

test(
  'R26, R28: what is personal is sent encrypted, or opened where the document says so',
  { timeout: 120_000 },
  async (t) => {
    const bus = await startTestBus(t)
    const folder = await auditFolder(t)
    const { dir, secretFile } = await startExports(t)
    const receivers = await Promise.all(
      ['sealed', 'open'].map(async (personal) => {
        const receiver = await startReceiver(t, (_received, response) => response.writeHead(200).end())
        const to = { type: 'webhook', url: receiver.url, secretFile, format: 'ecs' }
        await writeFile(join(dir, `${personal}.yaml`), exportDocument(personal, { ...onlyDefault, personal, to }))
        return receiver
      }),
    )
    const settings = { ...platformApart, ...(await personalSettings(folder)), COUNTERSIGN_AUDIT_EXPORTS_DIR: dir }
    const audit = await startAudit(t, bus, folder, settings)
    const { request } = await callWriter(bus)
    await request({}, { text: 'ann@example.com' })
    const bodies = await until(() => {
      const [sealed, open] = receivers.map(({ taken }) => taken[0]?.body)
      return sealed !== undefined && open !== undefined ? { sealed, open } : undefined
    }, 'both came')
    assert.ok(!bodies.sealed.includes('ann@example.com'))
    assert.ok(bodies.open.includes('ann@example.com'))
    await audit.stop('SIGTERM')
  },
)

test('R26: redirects are not followed, and a target that wants other credentials or cannot be trusted is asked again', async (t) => {
  const { write, start, root, secretFile } = await startExports(t, 2)
  const elsewhere = await startReceiver(t, (_received, response) => response.writeHead(200).end())
  const moved = await startReceiver(t, (_received, response) =>
    response.writeHead(307, { location: elsewhere.url }).end(),
  )
  const token = join(root, 'token')
  await writeFile(token, 'Bearer wrong\n')
  const guarded = await startReceiver(t, ({ headers }, response) =>
    response.writeHead(headers['authorization'] === 'Bearer right' ? 200 : 401).end(),
  )
  const to = { type: 'webhook', secretFile }
  const headers = [{ name: 'Authorization', valueFrom: { file: token } }]
  await write('moved', { to: { ...to, url: moved.url } })
  await write('guarded', { to: { ...to, url: guarded.url, headers } })
  await write('plain', { to: { ...to, url: guarded.url.replace('http:', 'https:') } })
  const exports = await start()
  await until(() => exports.view('default').exports.every(({ failed }) => failed > 1), 'all are tried again')
  const problems = Object.fromEntries(exports.view('default').exports.map(({ name, problem }) => [name, problem]))
  assert.match(problems['moved']!, /answered 307: redirects are not followed/)
  assert.match(problems['guarded']!, /answered 401; look at the URL and the credentials/)
  assert.match(problems['plain']!, /cannot be reached/)
  assert.ok(!JSON.stringify(exports.view('default')).includes('wrong'))
  await writeFile(token, 'Bearer right\n')
  await until(() => viewOf(exports, 'guarded')?.next === 2, 'the new token is used')
  assert.equal(elsewhere.taken.length, 0)
  assert.ok(exports.view('default').exports.every(({ dead }) => dead === 0))
})
