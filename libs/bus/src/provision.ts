import { buckets, consumers, payloadStore, streams, type StreamSpec } from '@countersign/contracts'
import { jetstream, jetstreamManager, type StreamConfig } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { connect } from '@nats-io/transport-node'
import { Objm } from '@nats-io/obj'
import { ensureConsumer } from './ensure-consumer.ts'

/** The oldest server whose message TTL, schedules and batches can be relied on. */
export const minServerVersion = [2, 14, 0] as const

/** Settings of `provision` that depend on where it runs. */
export interface ProvisionOptions {
  url: string
  user: string
  password: string
  replicas?: number
  /** Upper bound of `CALLS`, in bytes; full means refuse (I7). */
  callsMaxBytes?: number
}

/**
 * Makes the streams, buckets, object store and known consumers, or brings them up to date, and checks that the server took every
 * setting: older servers ignore some of them silently.
 *
 * @throws Error naming the server version or the setting that is not as it must be
 */
export async function provision(options: ProvisionOptions): Promise<void> {
  const nc = await connect({
    servers: options.url.split(','),
    user: options.user,
    pass: options.password,
    name: 'provision',
    inboxPrefix: `_INBOX_${options.user}`,
    waitOnFirstConnect: true,
    maxReconnectAttempts: 40,
    reconnectTimeWait: 50,
  })
  try {
    const version = nc.info?.version ?? ''
    if (!isSupportedVersion(version)) {
      throw new Error(
        `nats-server ${version} is too old: ${minServerVersion.join('.')} or newer is needed, because older ones ignore schedules and TTLs`,
      )
    }
    const jsm = await jetstreamManager(nc)
    for (const spec of Object.values<StreamSpec>(streams)) {
      const maxBytes = spec.name === 'CALLS' ? (options.callsMaxBytes ?? spec.maxBytes) : spec.maxBytes
      const wanted = streamConfig({ ...spec, maxBytes }, options.replicas ?? 1)
      const exists = await jsm.streams.info(spec.name).then(
        () => true,
        () => false,
      )
      const { config } = exists ? await jsm.streams.update(spec.name, wanted) : await jsm.streams.add(wanted)
      for (const [key, value] of Object.entries(wanted)) {
        if (JSON.stringify(config[key as keyof StreamConfig]) !== JSON.stringify(value)) {
          throw new Error(`stream ${spec.name}: the server did not take ${key} (wanted ${JSON.stringify(value)})`)
        }
      }
    }
    const kvm = new Kvm(jetstream(nc))
    for (const bucket of Object.values<{ name: string; ttlMs?: number }>(buckets)) {
      await kvm.create(bucket.name, { replicas: options.replicas ?? 1, ...(bucket.ttlMs ? { ttl: bucket.ttlMs } : {}) })
    }
    await new Objm(jetstream(nc)).create(payloadStore.name, {
      replicas: options.replicas ?? 1,
      ttl: payloadStore.ttlMs * 1e6,
    })
    for (const consumer of Object.values(consumers)) {
      const all = consumer.name === 'audit'
      await ensureConsumer(jsm, consumer.stream, {
        durable_name: consumer.name,
        filter_subject: consumer.filter,
        // Audit takes batches in order and acknowledges the last of each.
        ack_policy: all ? 'all' : 'explicit',
        ack_wait: (all ? 60 : 10) * 1e9,
        max_ack_pending: all ? 20_000 : 1000,
        max_deliver: -1,
      })
    }
  } finally {
    await nc.close()
  }
}

/** True for a nats-server version that has what the design relies on. */
export function isSupportedVersion(version: string): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10))
  for (const [index, least] of minServerVersion.entries()) {
    const part = parts[index] ?? Number.NaN
    if (part !== least) return part > least
  }
  return true
}

function streamConfig(spec: StreamSpec, replicas: number) {
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
