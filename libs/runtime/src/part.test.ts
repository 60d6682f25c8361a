import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Part, Parts, PartsError } from './part.ts'

/** Parts that write down what is done to them. */
function recorded(names: string[], more: Record<string, Partial<Part>> = {}) {
  const log: string[] = []
  const parts = names.map((name) => ({
    name,
    start: () => void log.push(`start ${name}`),
    stop: () => void log.push(`stop ${name}`),
    ...more[name],
  }))
  return { log, parts: new Parts(parts) }
}
const fail = (message: string) => () => Promise.reject(new Error(message))
const never = () => new Promise<void>(() => {})

test('parts start in order and stop in reverse', async () => {
  const { log, parts } = recorded(['bus', 'consumer', 'listener'])
  await parts.start(1000)
  await parts.stop(1000)
  assert.deepEqual(log, ['start bus', 'start consumer', 'start listener', 'stop listener', 'stop consumer', 'stop bus'])
})

test('the next part starts when the one before has started', async () => {
  const opening = Promise.withResolvers<void>()
  const { log, parts } = recorded(['bus', 'listener'], { bus: { start: () => opening.promise } })
  const starting = parts.start(1000)
  assert.deepEqual(parts.awaited, ['bus', 'listener'])
  assert.deepEqual(log, [])
  opening.resolve()
  await starting
  assert.deepEqual(parts.awaited, [])
  assert.deepEqual(log, ['start listener'])
})

test('when a part does not start, those that did are stopped and the rest stay where they are', async () => {
  const { log, parts } = recorded(['bus', 'consumer', 'listener', 'later'], {
    listener: { start: fail('port 7420 is taken') },
  })
  await assert.rejects(parts.start(1000), (error: Error) => {
    assert.ok(error instanceof PartsError)
    assert.match(error.message, /listener did not start: port 7420 is taken/)
    assert.equal(error.errors.length, 1)
    return true
  })
  assert.deepEqual(log, ['start bus', 'start consumer', 'stop consumer', 'stop bus'])
})

test('a failure while starting and one while stopping are both told', async () => {
  const { parts } = recorded(['bus', 'listener'], {
    bus: { stop: fail('no drain') },
    listener: { start: fail('no port') },
  })
  await assert.rejects(parts.start(1000), (error: PartsError) => {
    assert.deepEqual(
      error.errors.map((each: Error) => each.message),
      ['no port', 'not stopped cleanly: no drain'],
    )
    return true
  })
})

test('a part that cannot be stopped does not keep the others from stopping', async () => {
  const { log, parts } = recorded(['bus', 'consumer', 'listener'], { listener: { stop: fail('stuck') } })
  await parts.start(1000)
  await assert.rejects(parts.stop(1000), /not stopped cleanly: stuck/)
  assert.deepEqual(log.slice(-2), ['stop consumer', 'stop bus'])
})

test('I12: a part that is busy for ever is given up and named', async () => {
  const { log, parts } = recorded(['bus', 'consumer'], { consumer: { stop: never } })
  await parts.start(1000)
  await assert.rejects(parts.stop(20), /consumer was still busy after the grace period/)
  assert.equal(log.at(-1), 'stop bus')
})

test('what is stopped while it starts lets the part in hand start, stops it and starts no other', async () => {
  const [began, opening] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { log, parts } = recorded(['bus', 'consumer', 'listener'], {
    consumer: {
      async start() {
        began.resolve()
        await opening.promise
        log.push('start consumer')
      },
    },
  })
  const starting = parts.start(1000)
  await began.promise
  const stopping = parts.stop(1000)
  opening.resolve()
  await stopping
  await assert.rejects(starting, /listener cannot be started: it is stopped/)
  assert.deepEqual(log, ['start bus', 'start consumer', 'stop consumer', 'stop bus'])
})

test('I12: a part that is starting for ever is given up and named', async () => {
  const began = Promise.withResolvers<void>()
  const start = () => (began.resolve(), never())
  const { log, parts } = recorded(['bus', 'consumer'], { consumer: { start } })
  void parts.start(1000)
  await began.promise
  await assert.rejects(parts.stop(20), /consumer was still busy after the grace period/)
  assert.deepEqual(log, ['start bus', 'stop bus'])
})

test('what was stopped is not started again', async () => {
  const { log, parts } = recorded(['bus'])
  await parts.start(1000)
  await parts.stop(1000)
  await parts.stop(1000)
  assert.deepEqual(log, ['start bus', 'stop bus'])
  await assert.rejects(parts.start(1000), /bus cannot be started: it is stopped/)
})
