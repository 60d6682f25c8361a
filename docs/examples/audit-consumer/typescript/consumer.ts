/**
 * Reads sealed records from the stream AUDIT, each once and in order, and tells when some are missing.
 *
 *   NATS_URL=nats://127.0.0.1:7422 NATS_PASSWORD_FILE=… node consumer.ts
 *
 * CONSUMER names the cursor, which the server keeps; START is where a new one begins: `all`, `new`, a sequence, or a time (ISO 8601).
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  jetstream,
  jetstreamManager,
  type JsMsg,
} from '@nats-io/jetstream'
import { connect, nanos } from '@nats-io/transport-node'

const { NATS_URL, NATS_PASSWORD_FILE = '', CONSUMER = 'example-typescript', START = 'all' } = process.env
const stateFile = process.env.STATE_FILE ?? `${CONSUMER}.json`

/** The highest index seen of each tenant. Keep it where the results go, in one transaction with them. */
const seen: Record<string, number> = existsSync(stateFile) ? JSON.parse(readFileSync(stateFile, 'utf8')) : {}

const nc = await connect({
  servers: NATS_URL ?? 'nats://127.0.0.1:7422',
  user: 'audit-reader',
  pass: readFileSync(NATS_PASSWORD_FILE, 'utf8').trim(),
  inboxPrefix: '_INBOX_audit-reader',
  maxReconnectAttempts: -1,
})
const consumers = (await jetstreamManager(nc)).consumers
await consumers.info('AUDIT', CONSUMER).catch(() => consumers.add('AUDIT', cursor()))

const messages = await (await jetstream(nc).consumers.get('AUDIT', CONSUMER)).consume()
process.once('SIGTERM', () => messages.stop())
for await (const message of messages) {
  handle(message)
  message.ack()
}
await nc.drain()

/** A message that was not acknowledged comes again before the next one: only then does a higher index mean that none was left out. */
function cursor(): Partial<ConsumerConfig> {
  const config = { durable_name: CONSUMER, ack_policy: AckPolicy.Explicit, ack_wait: nanos(5000), max_ack_pending: 1 }
  if (START === 'all') return { ...config, deliver_policy: DeliverPolicy.All }
  if (START === 'new') return { ...config, deliver_policy: DeliverPolicy.New }
  if (/^\d+$/.test(START)) {
    return { ...config, deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Number(START) }
  }
  return { ...config, deliver_policy: DeliverPolicy.StartTime, opt_start_time: START }
}

function handle(message: JsMsg): void {
  const { index, record } = message.json<{ index: number; record: { tenant: string; event: string } }>()
  const { tenant, event } = record
  const last = seen[tenant]
  if (last !== undefined && index <= last) return
  if (last !== undefined && index > last + 1) {
    console.error(`gap: ${tenant} ${last + 1}-${index - 1} are not in the stream; read them from the log`)
  }
  // Your work goes here.
  console.log(JSON.stringify({ id: `audit.${tenant}.${index}`, event }))
  seen[tenant] = index
  writeFileSync(`${stateFile}.new`, JSON.stringify(seen))
  renameSync(`${stateFile}.new`, stateFile)
}
