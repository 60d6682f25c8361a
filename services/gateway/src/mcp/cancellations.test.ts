import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bus } from '@countersign/bus'
import { Cancellations } from './cancellations.ts'

test('a request id that is used again belongs to the newer call, also when the older one ends', () => {
  const told: string[] = []
  const bus = { hint: (subject: string) => void told.push(subject) } as unknown as Bus
  const cancellations = new Cancellations(bus)
  const owner = { principal: { id: 'ann', tenant: 'default', groups: [] }, session: 's' }
  const [older, newer] = [new AbortController(), new AbortController()]
  const forgetOlder = cancellations.add(owner, 1, older)
  const forgetNewer = cancellations.add(owner, 1, newer)
  forgetOlder()
  cancellations.cancel(owner, 1)
  assert.deepEqual([older.signal.aborted, newer.signal.aborted, told], [false, true, []])
  forgetNewer()
  cancellations.cancel(owner, 1)
  cancellations.cancel({ ...owner, session: undefined }, 1)
  assert.deepEqual(
    told,
    ['midcall.sessions.s.withdrawn'],
    'what is not here is told to the others, once there is a session',
  )
})
