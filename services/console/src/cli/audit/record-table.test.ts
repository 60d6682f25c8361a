import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditRecordV3 } from '@countersign/contracts'
import { recordTable } from './record-table.ts'
import { durationOf } from '../output/times.ts'

const record = (event: string, more: Partial<AuditRecordV3> = {}, storedAt = '2026-11-22T10:00:00Z') => ({
  ...{ index: 1, leafHash: '' },
  record: {
    ...{ version: 3, kind: 'activity', tenant: 'default', event, storedAt },
    stream: { name: 'LIFECYCLE', seq: 1, previous: 0, created: 'x' },
    who: { principal: 'ann', actor: 'console' },
    cloudEvent: { data: { address: '127.0.0.1' } },
    ...more,
  } satisfies AuditRecordV3 as AuditRecordV3,
})

test('a list of records says the zone once, and has no column that all leave empty', () => {
  const none = recordTable([record('signed_in')], String)
  const [time] = none.columns.filter(({ head }) => head.startsWith('TIME'))
  assert.match(time!.head, /^TIME [+-]\d\d:\d\d$/)
  assert.deepEqual(
    none.columns.map(({ head }) => head.split(' ')[0]),
    ['INDEX', 'TIME', 'EVENT', 'WHAT', 'WHO'],
  )
  assert.match(String(none.rows[0]![1]), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
  assert.deepEqual(none.rows[0]!.slice(3), ['from 127.0.0.1', 'ann'])
  const call = record('denied', { kind: 'call', server: 'files', callId: 'c' })
  const both = recordTable([record('signed_in'), call], String)
  assert.deepEqual([both.columns.length, both.rows[0]!.length, both.rows[1]!.at(-1)], [7, 7, 'c'])
})

test('how long something took is said as exactly as people care for', () => {
  assert.deepEqual([0, 15.4, 3343, 26_100, 200_000].map(durationOf), ['0 ms', '15 ms', '3.3 s', '26 s', '3m'])
})
