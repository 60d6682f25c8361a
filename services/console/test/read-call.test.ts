import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bus } from '@countersign/bus'
import { type AuditQuery, type AuditRecordV3, newCallId, type SealedRecord } from '@countersign/contracts'
import { readCall } from '../src/api/read-call.ts'

const callId = newCallId(Date.now())
const digest = `sha256:${'a'.repeat(64)}`
const viewer = { id: 'operator', tenant: 'default', groups: ['operators'] }

/** A record of a call; where it is told, with its event. */
function sealed(index: number, event: string, isTold = true): SealedRecord {
  const what = { method: 'tools/call', tool: 'write_file', digest }
  const data = { callId, tenant: 'default', server: 'files', principal: 'agent', ...what }
  const record: AuditRecordV3 = {
    ...{ version: 3, kind: 'call', tenant: 'default', server: 'files', callId, event, what },
    ...{ time: '2026-11-22T10:00:00.123456789Z', storedAt: '2026-11-22T10:00:01Z' },
    stream: { name: 'CALLS', seq: index + 1, previous: index, created: 'x' },
    who: { principal: 'agent', actor: 'gateway' },
    cloudEvent: isTold ? { id: `${callId}.${event}.${index}`, source: '/services/gateway', data } : {},
    ...(isTold ? {} : { content: { digest, size: 10_000_000 } }),
  }
  return { index, leafHash: '', record }
}

/** A stream that has let go of a call but for some of its events, and a log that has a record a page. */
function busWith(records: readonly SealedRecord[], streamed: readonly SealedRecord[] = []) {
  const entries = streamed.map(({ record: { event, stream, cloudEvent } }) => ({
    ...{ seq: stream.seq, name: event },
    event: { id: `${callId}.${event}`, time: '2026-11-22T10:00:00Z', source: '', data: cloudEvent['data'] },
  }))
  const pageOf = ({ outcome, before }: Partial<AuditQuery>) => {
    const found = records.filter(({ record: { event } }) => outcome === undefined || event === outcome)
    const end = before ?? found.length
    return {
      records: found.slice(end - 1, end),
      next: end > 1 ? end - 1 : null,
      ...{ size: records.length, indexed: records.length },
    }
  }
  return {
    history: () => Promise.resolve({ entries }),
    callApi: (_verb: unknown, query: Partial<AuditQuery>) => Promise.resolve(pageOf(query)),
  } as unknown as Bus
}

test('R15, R22: a call is read from as many pages of the log as its records need, whatever is too large to be told', async () => {
  const records = [sealed(0, 'requested', false), sealed(1, 'dispatched'), sealed(2, 'succeeded', false)]
  const read = await readCall(busWith(records, [sealed(2, 'succeeded')]), viewer, callId)
  assert.deepEqual(
    read.events.map(({ event, time }) => [event, time]),
    [
      ['requested', '2026-11-22T10:00:00.123456789Z'],
      ['dispatched', '2026-11-22T10:00:00.123456789Z'],
      ['succeeded', '2026-11-22T10:00:00.123456789Z'],
    ],
  )
  const { state, server, tool, principal, incomplete } = read
  assert.deepEqual(
    [state, server, tool, principal, incomplete],
    ['succeeded', 'files', 'write_file', 'agent', undefined],
  )
})

test('R22: of a call with more pages than are read at once it is said that the oldest events are missing', async () => {
  const records = Array.from({ length: 12 }, (_, index) => sealed(index, index === 0 ? 'requested' : 'dispatched'))
  const { events, incomplete } = await readCall(busWith(records), viewer, callId)
  assert.deepEqual([events.length, events[0]!.seq, events.at(-1)!.seq], [8, 5, 12])
  assert.match(incomplete ?? '', /its oldest events are missing; .*audit.records has them/)
})

test('R22: who may vote on a call sees it, also when the event that says so is among those that are not read', async () => {
  const approver = { id: 'anna', tenant: 'default', groups: ['approvers'] }
  const records = Array.from({ length: 12 }, (_, index) => sealed(index, index === 1 ? 'held' : 'dispatched'))
  const bus = busWith(records)
  await assert.rejects(readCall(bus, approver, callId), { code: 'unknown_call' })
  const { cloudEvent } = records[1]!.record
  cloudEvent['data'] = { ...(cloudEvent['data'] as object), approval: { groups: ['approvers'] } }
  const { events, incomplete } = await readCall(bus, approver, callId)
  assert.deepEqual([events.length, events[0]!.seq], [8, 5])
  assert.match(incomplete ?? '', /its oldest events are missing/)
})
