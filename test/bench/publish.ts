import { makeEvent } from '@countersign/contracts'
import { type Cleanup, requestedFixture, startTestBus } from '@countersign/testing'

/**
 * What the store alone does on this machine, in the same run: acknowledged, fsynced publishes of an event of usual size, one at a
 * time and 64 at once, as a service publishes them. A server of its own, on which nobody else works.
 */
export async function measurePublish(): Promise<{ oneP50Ms: number; oneP99Ms: number; perSecondAt64: number }> {
  const cleanups: Parameters<Cleanup['after']>[0][] = []
  const { connect } = await startTestBus({ after: (fn) => cleanups.push(fn) })
  const bus = await connect('gateway')
  const publish = () => {
    const event = makeEvent('requested', requestedFixture({}, { text: 'x'.repeat(100) }), { now: new Date() })
    return bus.publishEvent(event.data, 'requested', event, 0, Date.now() + 10_000)
  }
  const one: number[] = []
  for (let index = 0; index < 300; index++) {
    const started = performance.now()
    await publish()
    one.push(performance.now() - started)
  }
  one.sort((a, b) => a - b)
  const total = 4000
  let left = total
  const started = performance.now()
  const publisher = async () => {
    while (left-- > 0) await publish()
  }
  await Promise.all(Array.from({ length: 64 }, publisher))
  const perSecondAt64 = Math.round(total / ((performance.now() - started) / 1000))
  for (const cleanup of cleanups) await cleanup()
  const round = (ms: number) => Math.round(ms * 1000) / 1000
  return { oneP50Ms: round(one[150]!), oneP99Ms: round(one[297]!), perSecondAt64 }
}
