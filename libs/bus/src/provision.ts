import { buckets, consumers, payloadStore, streams, type StreamSpec } from '@countersign/contracts'
import { jetstream, JetStreamApiError, jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { connect } from '@nats-io/transport-node'
import { Objm } from '@nats-io/obj'
import { ensureConsumer } from './ensure-consumer.ts'
import { consumerConfig, settingsOff, streamConfig } from './wanted-config.ts'

/** The oldest server whose message TTL, schedules and batches can be relied on. */
export const minServerVersion = [2, 14, 0] as const

/** What a message may have at least, in bytes: a record with large arguments or a large result is one message of `AUDIT`. */
export const leastMaxPayload = 8 * 1024 * 1024

/** What to do about a smaller bound. */
export const raisePayload = 'set `max_payload: 8MB` in its configuration, or more'

/** JetStream's error code where the budgets of streams are more than the server may store. */
const noResources = 10047

/** Settings of `provision` that depend on where it runs. */
export interface ProvisionOptions {
  url: string
  user: string
  password: string
  replicas?: number
  /** Upper bound of `CALLS`, in bytes; full means refuse (I7). */
  callsMaxBytes?: number
  /** Upper bound of `AUDIT`, in bytes; when it is full, it forgets its oldest records, which are in the log. */
  auditMaxBytes?: number
  /** Upper bound of arguments and results that are too large for events, in bytes; when it is full, they are refused. */
  payloadsMaxBytes?: number
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
    const maxPayload = nc.info?.max_payload ?? 0
    if (maxPayload < leastMaxPayload) {
      throw new Error(
        `nats-server takes messages of ${maxPayload} bytes at most, and records are larger: ${raisePayload}`,
      )
    }
    const jsm = await jetstreamManager(nc)
    const budgets = new Map([
      ['CALLS', options.callsMaxBytes],
      ['AUDIT', options.auditMaxBytes],
    ])
    for (const spec of Object.values<StreamSpec>(streams)) {
      const maxBytes = budgets.get(spec.name) ?? spec.maxBytes
      const wanted = streamConfig({ ...spec, maxBytes }, options.replicas ?? 1)
      const exists = await jsm.streams.info(spec.name).then(
        () => true,
        () => false,
      )
      const { config } = exists ? await jsm.streams.update(spec.name, wanted) : await jsm.streams.add(wanted)
      const [off] = settingsOff(config, wanted)
      if (off) throw new Error(`stream ${spec.name}: the server did not take a setting: ${off}`)
    }
    const kvm = new Kvm(jetstream(nc))
    for (const bucket of Object.values<{ name: string; ttlMs?: number }>(buckets)) {
      await kvm.create(bucket.name, { replicas: options.replicas ?? 1, ...(bucket.ttlMs ? { ttl: bucket.ttlMs } : {}) })
    }
    const payloads = await new Objm(jetstream(nc)).create(payloadStore.name, {
      replicas: options.replicas ?? 1,
      ttl: payloadStore.ttlMs * 1e6,
    })
    // Not when it is made: one that was made before with another bound would be refused.
    const { streamInfo } = await payloads.status()
    // What somebody raised stays.
    const maxBytes = Math.max(options.payloadsMaxBytes ?? payloadStore.maxBytes, streamInfo.config.max_bytes)
    await jsm.streams.update(streamInfo.config.name, { ...streamInfo.config, max_bytes: maxBytes })
    for (const consumer of Object.values(consumers)) {
      await ensureConsumer(jsm, consumer.stream, consumerConfig(consumer))
    }
  } catch (error) {
    if (!(error instanceof JetStreamApiError && error.code === noResources)) throw error
    throw new Error(
      'nats-server may not store as much as the streams may take: raise its `max_file_store`, or give its account or its disk more space',
      { cause: error },
    )
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
