import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { newCallId } from '@countersign/contracts'
import type { Invocation } from '../src/cli/command.ts'
import { auditList } from '../src/cli/commands/audit-list.ts'
import type { Client } from '../src/cli/connect/client.ts'
import { Output } from '../src/cli/output/output.ts'

const size = 30

/** A log of records that are so large that each is an answer of its own. */
const client = {
  get(_path: string, { cursor = String(size) }: { cursor?: string }) {
    const index = Number(cursor) - 1
    const record = {
      ...{ version: 3, kind: 'call', tenant: 'default', server: 'files', callId: newCallId(1), event: 'succeeded' },
      ...{ storedAt: '2026-11-22T10:00:00Z', stream: { name: 'CALLS', seq: index + 1, previous: index, created: 'x' } },
      cloudEvent: { data: { tool: 'read_file' } },
    }
    const next = index > 0 ? { next: String(index) } : {}
    return Promise.resolve({ records: [{ index, leafHash: '', record }], ...next, size, indexed: size })
  },
} as unknown as Client

async function list(limit: string | undefined, json = false): Promise<string> {
  const sink = new PassThrough()
  const out = new Output(sink, { json, noColor: true })
  const option = (name: string) => ({ limit })[name]
  const asked = { args: [], option, out, client: () => Promise.resolve(client), nowMs: Date.now() }
  assert.equal(await auditList(asked as unknown as Invocation), 0)
  return String(sink.read())
}

test('R13, R15: a list has as many records as were asked for, however few fit into an answer', async () => {
  const rows = (text: string) => text.match(/ succeeded /g)?.length
  const five = await list('5')
  assert.deepEqual([rows(five), five.endsWith('\nmore with --cursor 25\n')], [5, true], five)
  // Of very many large ones it says where it goes on.
  const most = await list('30')
  assert.deepEqual([rows(most), most.endsWith('\nmore with --cursor 10\n')], [20, true], most)
  assert.equal(JSON.parse(await list('5', true)).records.length, 1)
})
