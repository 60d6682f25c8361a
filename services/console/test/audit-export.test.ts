import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type AuditRecordV3, newCallId, type SealedRecord } from '@countersign/contracts'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { CliError, exits } from '../src/cli/cli-error.ts'
import type { Invocation } from '../src/cli/command.ts'
import { auditExport } from '../src/cli/commands/audit-export.ts'
import type { Client } from '../src/cli/connect/client.ts'
import { Output } from '../src/cli/output/output.ts'
import { start } from './cli-process.ts'

const pageSize = 1000
const digest = `sha256:${'a'.repeat(64)}`
const clear = '\r\u001B[K'
const formats = ['jsonl', 'csv', 'parquet'] as const

function sealed(index: number, text: string): SealedRecord {
  const record: AuditRecordV3 = {
    ...{ version: 3, kind: 'call', tenant: 'default', server: 'files', callId: newCallId(1.8e12 + index) },
    ...{ event: 'requested', storedAt: new Date(1.8e12 + index).toISOString() },
    stream: { name: 'CALLS', seq: index + 1, previous: index, created: 'x' },
    what: { method: 'tools/call', tool: 'write_file', digest },
    cloudEvent: { data: { text } },
  }
  return { index, leafHash: '', record }
}

/** What an export asks of the console, answered with pages of a log of some size. */
interface Log {
  size: number
  /** What each record has, by its index; asked for when its page is. */
  textOf?: (index: number) => string
  /** Before an answer; what it throws is the answer. */
  onPage?: (asked: number) => void
}

function clientOf({ size, textOf = String, onPage }: Log): Client {
  let asked = 0
  const get = async (path: string, { cursor }: { cursor?: string }) => {
    if (path !== '/audit/records') return {}
    onPage?.(asked++)
    const before = cursor === undefined ? size : Number(cursor)
    const records = Array.from({ length: Math.min(before, pageSize) }, (_, place) => before - 1 - place).map((index) =>
      sealed(index, textOf(index)),
    )
    const next = before > pageSize ? { next: String(before - pageSize) } : {}
    return { records, ...next, size, indexed: size }
  }
  return { get } as unknown as Client
}

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-export-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Runs the command in a folder against a log. */
async function runExport(cwd: string, file: string, log: Log, format?: string) {
  const sink = new PassThrough()
  const exit = await auditExport({
    args: ['export'],
    option: (name: string) => ({ out: file, format })[name],
    out: new Output(sink, { json: false, noColor: true }),
    client: () => Promise.resolve(clientOf(log)),
    where: { cwd },
    nowMs: Date.now(),
  } as unknown as Invocation)
  return { exit, stdout: String(sink.read()) }
}

/** What is written on standard error while something runs, as a terminal or as anything else. */
async function seen(t: TestContext, isTTY: boolean, work: () => Promise<unknown>): Promise<string> {
  const { isTTY: before } = process.stderr
  let shown = ''
  const { mock } = t.mock.method(process.stderr, 'write', (text: string) => (shown += text) !== '')
  Object.assign(process.stderr, { isTTY })
  try {
    await work()
  } finally {
    mock.restore()
    Object.assign(process.stderr, { isTTY: before })
  }
  return shown
}

test('R21: how far an export is is shown at a terminal, on standard error, and nowhere else', async (t) => {
  const dir = await folder(t)
  const run = async () => {
    const { exit, stdout } = await runExport(dir, 'all.csv', { size: 2345 })
    assert.deepEqual([exit, stdout], [0, 'all.csv: 2345 records\n'])
  }
  const lines = ['1000 records, 42 %', '2000 records, 85 %', '2345 records, 100 %']
  const expected = lines.map((line) => `${clear}${line} of the log looked at`).join('') + clear
  assert.equal(await seen(t, true, run), expected)
  assert.equal(await seen(t, false, run), '')
})

test('R21: a console that is silent for a while in the middle of an export is waited for, and it is said so', async (t) => {
  const dir = await folder(t)
  const silence = new CliError(exits.unreachable, 'the console cannot be reached')
  const onPage = (asked: number) => {
    if (asked === 1) throw silence
  }
  const shown = await seen(t, true, () => runExport(dir, 'all.jsonl', { size: 1500, onPage }))
  assert.ok(
    shown.includes(`${clear}the console cannot be reached; asked again in 1 s${clear}1500 records, 100 %`),
    shown,
  )
  const lines = (await readFile(join(dir, 'all.jsonl'), 'utf8')).trimEnd().split('\n')
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as SealedRecord).index),
    Array.from({ length: 1500 }, (_, place) => 1499 - place),
  )
  // One that never answered is told at once.
  let asked = 0
  const never = () => {
    asked += 1
    throw silence
  }
  await assert.rejects(runExport(dir, 'none.csv', { size: 1, onPage: never }), silence)
  assert.deepEqual([asked, (await readdir(dir)).toSorted()], [1, ['all.jsonl']])
})

test('R21: of an export that fails or is interrupted nothing is left, and what was there before stays', async (t) => {
  const dir = await folder(t)
  await writeFile(join(dir, 'all.csv'), 'before')
  await mkdir(join(dir, 'sub'))
  await symlink('/dev/null', join(dir, 'device'))
  const refused = new CliError(exits.negative, 'the query took too long and was stopped', { code: 'query_too_slow' })
  const onPage = (asked: number) => {
    if (asked === 1) throw refused
  }
  await assert.rejects(runExport(dir, 'all.csv', { size: 2000, onPage }), refused)
  const interrupt = () => void process.emit('SIGINT')
  await assert.rejects(runExport(dir, 'all.csv', { size: 2000, onPage: interrupt }), {
    exit: 130,
    message: 'interrupted: all.csv was not written',
  })
  assert.equal(await readFile(join(dir, 'all.csv'), 'utf8'), 'before')
  for (const [file, message] of [
    ['sub', /^audit export: sub is a folder; name a file in it$/],
    ['device', /^audit export: device is no file/],
    ['no/such/all.csv', /^no\/such\/all\.csv cannot be written: ENOENT/],
    ['all.csv/all.csv', /^all\.csv\/all\.csv cannot be written: ENOTDIR/],
  ] as const) {
    await assert.rejects(runExport(dir, file, { size: 1 }, 'csv'), { exit: exits.usage, message })
  }
  assert.deepEqual((await readdir(dir)).toSorted(), ['all.csv', 'device', 'sub'])
})

/** The command as a process, writing all.jsonl, against a server that answers each page as it is told. */
async function exportFrom(t: TestContext, answer: (asked: number, response: ServerResponse) => void) {
  const dir = await folder(t)
  let asked = 0
  const server = createServer((_request, response) => answer(asked++, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const process = start(dir, ['audit', 'export', '--out', 'all.jsonl'], {
    ...{ COUNTERSIGN_CONSOLE_URL: url, COUNTERSIGN_TOKEN: 'token' },
  })
  return { ...process, files: () => readdir(dir) }
}

/** A page with one record. */
const onePage = (index: number, next?: string) =>
  JSON.stringify({ records: [sealed(index, 'text')], size: 2, indexed: 2, ...(next === undefined ? {} : { next }) })

/** Says how long an answer is, sends half of it and closes the connection. */
function sendHalf(response: ServerResponse, answer: string): void {
  response.writeHead(200, { 'content-length': answer.length })
  response.write(answer.slice(0, answer.length / 2), () => response.destroy())
}

test('R21: a page that breaks off is asked for again; the first is told as a console that cannot be reached', async (t) => {
  const whole = await exportFrom(t, (asked, response) => {
    if (asked === 1) sendHalf(response, onePage(0))
    else response.end(asked === 0 ? onePage(1, '1') : onePage(0))
  })
  assert.deepEqual([await whole.ended, whole.said], [0, { stdout: 'all.jsonl: 2 records\n', stderr: '' }])
  const never = await exportFrom(t, (_asked, response) => sendHalf(response, onePage(0)))
  assert.equal(await never.ended, exits.unreachable)
  assert.match(never.said.stderr, /^countersign: the console at http:\S+ cannot be reached \(UND_ERR_SOCKET\)\n/)
  assert.deepEqual(await never.files(), [])
})

test('R21: an answer that is no JSON is told as that of something else', async (t) => {
  const other = await exportFrom(t, (_asked, response) => response.end('<html>welcome</html>'))
  assert.equal(await other.ended, exits.unreachable)
  assert.match(other.said.stderr, /what answers at http:\S+ is not a Countersign console \(HTTP 200\)/)
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`R21: ${signal}, also twice, ends an export while a page is asked for, and nothing of it is left`, async (t) => {
    const waiting = Promise.withResolvers<void>()
    const { said, ended, interrupt, files } = await exportFrom(t, (asked, response) => {
      if (asked === 0) response.end(onePage(1, '1'))
      else waiting.resolve()
    })
    await waiting.promise
    assert.deepEqual(await files(), ['all.jsonl.part'])
    const began = Date.now()
    interrupt(signal)
    interrupt(signal)
    assert.equal(await ended, exits.interrupted)
    assert.ok(Date.now() - began < 10_000, 'it does not wait for the page')
    assert.equal(said.stderr, 'countersign: interrupted: all.jsonl was not written\n')
    assert.deepEqual(await files(), [])
  })
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Memory that is in use, in MiB. */
function usedMiB(): number {
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / 2 ** 20
}

for (const format of formats) {
  test(`R15, R21: an export to ${format} needs no more memory for more records`, { timeout: 180_000 }, async (t) => {
    const dir = await folder(t)
    const pages = 20
    const used: number[] = []
    // Of 8 KiB each, and none like another: 160 MiB, of which Parquet holds 32 at most until they are a group.
    const textOf = (index: number) => Buffer.alloc(8192, `${index} `).toString('latin1')
    const onPage = (asked: number) => {
      if (asked >= pages / 4) used.push(usedMiB())
    }
    const { stdout } = await runExport(dir, `all.${format}`, { size: pages * pageSize, textOf, onPage })
    assert.equal(stdout, `all.${format}: ${pages * pageSize} records\n`)
    // Over a quarter, as far as the next group of Parquet: what is held for a moment more is not what is kept.
    const least = (quarter: number) => Math.min(...used.slice((quarter * pages) / 4, ((quarter + 1) * pages) / 4))
    const [early, late] = [least(0), least(2)]
    assert.ok(late - early < 20, `${early} MiB are in use in the second quarter, and ${late} in the last`)
  })
}

test('R15, R21: Parquet has times in UTC, groups of bounded length, and statistics of bounded length', async (t) => {
  const dir = await folder(t)
  const textOf = (index: number) => String.fromCharCode(97 + (index % 26)).repeat(2 * 2 ** 20)
  await runExport(dir, 'all.parquet', { size: 40, textOf })
  const file = await asyncBufferFromFile(join(dir, 'all.parquet'))
  const { schema, row_groups: groups, metadata_length: length } = await parquetMetadataAsync(file)
  assert.deepEqual(schema.find(({ name }) => name === 'stored_at')?.logical_type, {
    ...{ type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
  })
  // 16 records of 2 MiB are 32.
  assert.deepEqual(groups.map(({ num_rows: rows }) => Number(rows)).slice(0, 2), [16, 16])
  assert.ok(length < 100_000, `${length} bytes of metadata`)
  const rows = await parquetReadObjects({ file, columns: ['index', 'stored_at', 'data'] })
  assert.deepEqual([rows.length, rows[0]!['stored_at']], [40, new Date(1.8e12 + 39)])
  assert.equal(JSON.parse(rows[39]!['data'] as string).text, textOf(0))
  assert.ok((await stat(join(dir, 'all.parquet'))).size > 0)
})
