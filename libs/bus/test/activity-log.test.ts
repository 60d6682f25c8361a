import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ActivityLog, type ActivityProblem } from '@countersign/bus'
import { CountersignError } from '@countersign/contracts'
import { startTestBus, until } from '@countersign/testing'

const activity = (reason: string) => ({
  ...{ tenant: 'default', resource: { type: 'hold', name: 'case-17' } as const, by: 'oscar', reason },
})

test('R23: while the store is away activities wait and nobody waits for them; then all are stored, in order and each once', async (t) => {
  const { connect } = await startTestBus(t)
  const [bus, auditor] = await Promise.all([connect('audit'), connect('audit')])
  const problems: ActivityProblem[] = []
  let away = true
  const log = new ActivityLog(
    {
      async store(publication, deadlineMs) {
        // Stored, and the acknowledgement lost.
        if (away) {
          await bus.store(publication, deadlineMs)
          throw new CountersignError('store_unavailable', 'away')
        }
        return bus.store(publication, deadlineMs)
      },
    },
    (problem) => problems.push(problem),
  )
  const done = Array.from({ length: 20 }, (_, place) => log.record('hold_placed', activity(`reason ${place}`)))
  await until(() => problems.length > 0, 'it was tried')
  away = false
  assert.deepEqual(await Promise.all(done), Array(20).fill(true))
  const stored = await auditor.readStream('LIFECYCLE', 1, { maxMessages: 100, maxBytes: 1e6 })
  assert.deepEqual(
    stored.map(({ data }) => JSON.parse(Buffer.from(data).toString()).data.reason),
    Array.from({ length: 20 }, (_, place) => `reason ${place}`),
  )
  assert.ok(problems.every(({ givenUp }) => !givenUp))
})

test('R23: a service that stops while the store is away tries once more and says what it gave up', async () => {
  const problems: ActivityProblem[] = []
  const store = () => Promise.reject(new CountersignError('store_full', 'no space'))
  const log = new ActivityLog({ store }, (problem) => problems.push(problem))
  const done = Array.from({ length: 5 }, () => log.record('hold_lifted', activity('over')))
  await log.close()
  assert.deepEqual(await Promise.all(done), Array(5).fill(false))
  assert.equal(problems.filter(({ givenUp }) => givenUp).length, 5)
})

test('R23: what waits is bounded: beyond it activities are given up at once, and it is said', async () => {
  const problems: ActivityProblem[] = []
  const stuck = Promise.withResolvers<never>()
  const log = new ActivityLog({ store: () => stuck.promise }, (problem) => problems.push(problem))
  for (let count = 0; count < 10_000; count++) void log.record('hold_placed', activity('x'))
  assert.equal(await log.record('hold_placed', activity('one too many')), false)
  assert.match(String(problems[0]!.error), /10000 events wait/)
})
