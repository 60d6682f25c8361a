import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SealedRecord } from '@countersign/contracts'
import { exportColumns } from './columns.ts'
import { writeCsv } from './write-text.ts'

test('R21: a leaf hash that begins like a formula is exported as the log has it, a tool that does is not', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'countersign-csv-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const leafHash = `+${'A'.repeat(42)}=`
  const record = {
    ...{ event: 'requested', tenant: 'default', storedAt: '2026-11-22T10:00:00.000Z', cloudEvent: {} },
    ...{ stream: { name: 'CALLS', seq: 1 }, what: { method: 'tools/call', tool: '+1', digest: '[erased]' } },
  }
  const writer = await writeCsv(join(dir, 'x.csv'))
  await writer.write([{ index: 0, leafHash, record } as unknown as SealedRecord])
  await writer.finish()
  await writer.close()
  const cells = readFileSync(join(dir, 'x.csv'), 'utf8').split('\r\n')[1]!.split(',')
  const cell = (name: string) => cells[exportColumns.findIndex((column) => column.name === name)]
  assert.deepEqual([cell('leaf_hash'), cell('tool'), cell('arguments_digest')], [leafHash, "'+1", '[erased]'])
})
