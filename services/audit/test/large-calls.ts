import { type Bus, type Carried, encode } from '@countersign/bus'
import { callFieldsOf, type JsonObject, makeEvent, newCallId, subjects } from '@countersign/contracts'
import { requestedFixture, type TestBus } from '@countersign/testing'

const soon = () => Date.now() + 60_000

/** A call whose arguments or result are too large for its events, written as the services do. */
export async function largeCallWriter({ connect }: TestBus) {
  const [gateway, policy, executor] = await Promise.all([
    connect('gateway'),
    connect('policy'),
    connect('agent-executor'),
  ])
  const write = (bus: Bus, event: { id: string; type: string; data: { callId: string } }, name: string, at: Address) =>
    bus.store({ subject: subjects.call(at, name), data: encode(event), msgId: event.id }, soon())
  const writers = { allowed: policy, dispatched: executor, succeeded: executor }
  return {
    gateway,
    /** Asks, with arguments where they belong by their size. */
    async request(args: JsonObject, more: Parameters<typeof requestedFixture>[0] = {}) {
      const { carried, digest } = await gateway.payloads.carry(args)
      return this.requestCarried(carried, { digest, ...more })
    },
    /** Asks with arguments that are somewhere, or nowhere. */
    async requestCarried(carried: Carried, more: Parameters<typeof requestedFixture>[0] = {}) {
      const data = requestedFixture({ callId: newCallId(Date.now()), arguments: carried, ...more })
      await write(gateway, makeEvent('requested', data, { now: new Date() }), 'requested', data)
      return data
    },
    /** An event of a call with as much in it as audit looks at, by whoever writes it. */
    store(at: ReturnType<typeof requestedFixture>, name: keyof typeof writers, more: object) {
      const event = { id: `${at.callId}.${name}`, type: `dev.countersign.call.${name}.v1` }
      return write(writers[name], { ...event, data: { ...callFieldsOf(at), ...more } }, name, at)
    },
    /** Lets a call run and answer. */
    async answer(at: ReturnType<typeof requestedFixture>, result: JsonObject) {
      await this.store(at, 'allowed', { arguments: at.arguments, grant: {} })
      await this.store(at, 'dispatched', { executor: 'one', attempt: 1 })
      const { carried, digest } = await executor.payloads.carry(result)
      await this.store(at, 'succeeded', { result: carried, resultDigest: digest, toolError: false, durationMs: 1 })
    },
  }
}

type Address = Parameters<typeof subjects.call>[0]

/** A text of about so many KiB with a word in it that stands nowhere else. */
export function longText(word: string, kib: number): string {
  return `${word} ${'lorem ipsum '.repeat(Math.ceil((kib * 1024) / 12))}`
}
