import { encode } from '@countersign/bus'
import { BatchMemory } from '@countersign/bus/server'
import { makeEvent, subjects } from '@countersign/contracts'
import { type Cleanup, requestedFixture, startTestBus } from '@countersign/testing'

/** What the store alone does, with a server on which nobody else works. */
export interface StoreAlone {
  oneP50Ms: number
  oneP99Ms: number
  /** Events a second with 64 in flight, each published and acknowledged by itself. */
  singlyPerSecond: number
  /** The same as the services publish them, which gathers what piles up into batches. */
  perSecondAt64: number
}

/** Measures acknowledged, fsynced publishes of an event of usual size, one at a time and 64 at once, with a server as the launcher sets it up. */
export async function measurePublish(): Promise<StoreAlone> {
  const cleanups: Parameters<Cleanup['after']>[0][] = []
  const { connect, server } = await startTestBus({ after: (fn) => cleanups.push(fn) })
  const memory = new BatchMemory({ storeDir: server.storeDir, say: (line) => process.stderr.write(`bench: ${line}\n`) })
  await memory.start()
  cleanups.push(() => memory.stop())
  const bus = await connect('gateway')
  const newEvent = () => makeEvent('requested', requestedFixture({}, { text: 'x'.repeat(100) }), { now: new Date() })
  const publish = async () => {
    const event = newEvent()
    await bus.publishEvent(event.data, 'requested', event, 0, Date.now() + 10_000)
  }
  const publishAlone = async () => {
    const event = newEvent()
    const subject = subjects.call(event.data, 'requested')
    await bus.store({ subject, data: encode(event), msgId: event.id }, Date.now() + 10_000)
  }
  const one: number[] = []
  for (let index = 0; index < 300; index++) {
    const started = performance.now()
    await publish()
    one.push(performance.now() - started)
  }
  one.sort((a, b) => a - b)
  const singlyPerSecond = await rateOf(publishAlone)
  const perSecondAt64 = await rateOf(publish)
  for (const cleanup of cleanups) await cleanup()
  const round = (ms: number) => Math.round(ms * 1000) / 1000
  return { oneP50Ms: round(one[150]!), oneP99Ms: round(one[297]!), singlyPerSecond, perSecondAt64 }
}

async function rateOf(publish: () => Promise<void>): Promise<number> {
  const total = 4000
  let left = total
  const started = performance.now()
  const publisher = async () => {
    while (left-- > 0) await publish()
  }
  await Promise.all(Array.from({ length: 64 }, publisher))
  return Math.round(total / ((performance.now() - started) / 1000))
}
