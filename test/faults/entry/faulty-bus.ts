import {
  type BatchOptions,
  Bucket,
  type Bus,
  type ConsumeOptions,
  type Payloads,
  type Publication,
} from '@countersign/bus'
import type { BucketName, CallAddress, CallEvent, CallEventName, JsonObject, StreamName } from '@countersign/contracts'
import type { Faults } from './faults.ts'

/**
 * A bus that does what the real one does, and lets faults happen before and after each thing it does.
 *
 * @param ackWaitMs stands in for the consumers' own ack waits, so that a run need not wait 15 s for each redelivery
 */
export function faultyBus(bus: Bus, faults: Faults, ackWaitMs: number | undefined): Bus {
  const around: Around = async (step, texts, work) => {
    await faults.at(step, 'before', ...texts)
    const done = await work()
    await faults.at(step, 'after', ...texts)
    return done
  }
  /** The acknowledgement is sent when the handler has returned; a round trip later the server has it. */
  const afterAck = (consumer: string, texts: string[]) =>
    setImmediate(() => {
      void bus.streamInfo('CALLS').then(
        () => faults.at(`ack:${consumer}`, 'after', ...texts),
        () => {},
      )
    })
  const waits = (ownMs: number) => ackWaitMs ?? ownMs

  const faulty = {
    publishEvent: <N extends CallEventName>(
      at: CallAddress,
      name: N,
      event: CallEvent<N>,
      follows: number,
      deadlineMs: number,
    ) => around(`publish:${name}`, [at.callId], () => bus.publishEvent(at, name, event, follows, deadlineMs)),

    store: (publication: Publication, deadlineMs: number) =>
      around(`store:${publication.subject.split('.')[0]}`, [publication.subject], () =>
        bus.store(publication, deadlineMs),
      ),

    storeRun: (run: readonly Publication[], lastSeq: number, deadlineMs: number) =>
      around('store:audit', run.map(textOf), () => bus.storeRun(run, lastSeq, deadlineMs)),

    consume: (options: ConsumeOptions) =>
      bus.consume({
        ...options,
        ackWaitMs: waits(options.ackWaitMs),
        async handler(delivery) {
          const consumer = options.consumer
          await faults.at(`take:${consumer}`, 'before', delivery.subject)
          await options.handler(delivery)
          await faults.at(`ack:${consumer}`, 'before', delivery.subject)
          afterAck(consumer, [delivery.subject])
        },
      }),

    consumeBatches: (options: BatchOptions) =>
      bus.consumeBatches({
        ...options,
        async handler(batch) {
          const { consumer } = options
          const subjects = batch.map(({ subject }) => subject)
          await faults.at(`take:${consumer}`, 'before', ...subjects)
          await options.handler(batch)
          await faults.at(`ack:${consumer}`, 'before', ...subjects)
          afterAck(consumer, subjects)
        },
      }),

    listen: (subject: string, handler: (subject: string, payload: Uint8Array) => void) =>
      bus.listen(subject, (heard, payload) => {
        const work = async () => handler(heard, payload)
        // One that cannot be read is none, as on the real bus.
        void around(`hear:${heard.split('.')[0]}`, [heard, textOf({ data: payload })], work).catch(() => {})
      }),

    ensureConsumer: (
      consumer: { stream: string; name: string; filter: string },
      settings: { maxAckPending: number; ackWaitMs: number },
    ) => bus.ensureConsumer(consumer, { ...settings, ackWaitMs: waits(settings.ackWaitMs) }),

    purge: (stream: StreamName, what: { filter?: string; seq?: number; keep?: number }) =>
      around(`purge:${stream}`, [what.filter ?? ''], () => bus.purge(stream, what)),

    bucket: async (name: BucketName) => faultyBucket(await bus.bucket(name), name, around),

    payloads: faultyPayloads(bus.payloads, around),
  }
  return overlaid(bus, faulty)
}

type Around = <T>(step: string, texts: string[], work: () => Promise<T>) => Promise<T>

function faultyBucket(bucket: Bucket, name: BucketName, around: Around): Bucket {
  return overlaid(bucket, {
    put: (key: string, value: Uint8Array) => around(`put:${name}`, [key], () => bucket.put(key, value)),
  })
}

function faultyPayloads(payloads: Payloads, around: Around): Payloads {
  return overlaid(payloads, {
    carry: (content: JsonObject, begins?: boolean) =>
      around('carry:payloads', [JSON.stringify(content)], () => payloads.carry(content, begins)),
  })
}

/** An object with some members of its own, and the rest of another's. */
function overlaid<T extends object>(target: T, own: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(target, {
    get(_target, key) {
      if (Object.hasOwn(own, key)) return own[key as keyof T]
      const value: unknown = Reflect.get(target, key, target)
      // Private members are there on the object itself only.
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

function textOf({ data }: Pick<Publication, 'data'>): string {
  return new TextDecoder().decode(data)
}
