import type { ConsumerConfig, StreamConfig } from '@nats-io/jetstream'
import { consumers, type StreamSpec } from '@countersign/contracts'

/** The settings a stream must have. */
export function streamConfig(spec: StreamSpec, replicas: number) {
  return {
    name: spec.name,
    subjects: [...spec.subjects],
    storage: 'file',
    retention: 'limits',
    discard: spec.discard,
    max_bytes: spec.maxBytes,
    max_age: (spec.maxAgeMs ?? 0) * 1e6,
    num_replicas: replicas,
    allow_direct: true,
    duplicate_window: 120e9,
    max_consumers: 20_000,
    ...(spec.schedules ? { allow_msg_schedules: true, allow_msg_ttl: true } : {}),
    ...(spec.atomicBatches ? { allow_atomic: true } : {}),
    ...(spec.asyncPersist && replicas === 1 ? { persist_mode: 'async' } : {}),
  } as const satisfies Partial<StreamConfig>
}

/** The settings a durable consumer that is known when the bus is set up must have. */
export function consumerConfig({ name, filter }: { name: string; filter: string }) {
  // Audit takes batches in order and acknowledges the last of each.
  const all = name === 'audit'
  const { ackWaitMs } = Object.values(consumers).find((known) => known.name === name)!
  return {
    durable_name: name,
    filter_subject: filter,
    ack_policy: all ? 'all' : 'explicit',
    ack_wait: ackWaitMs * 1e6,
    max_ack_pending: all ? 20_000 : 1000,
    max_deliver: -1,
  } as const satisfies Partial<ConsumerConfig>
}

/** Which settings are not as they must be, one line each. */
export function settingsOff(actual: object, wanted: object): string[] {
  return Object.entries(wanted).flatMap(([key, value]) => {
    const is = JSON.stringify((actual as Record<string, unknown>)[key])
    const must = JSON.stringify(value)
    return is === must ? [] : [`${key} is ${is}, but must be ${must}`]
  })
}
