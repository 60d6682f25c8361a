import { consumers, maxClockSkewMs, payloadStore, streams, type StreamSpec } from '@countersign/contracts'
import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream'
import type { ServerInfo } from '@nats-io/transport-node'
import { isSupportedVersion, leastMaxPayload, minServerVersion, raisePayload } from './provision.ts'
import { roomFor } from './room.ts'
import { consumerConfig, settingsOff, streamConfig } from './wanted-config.ts'

/** Something that is not right with the bus, and what to do about it. */
export interface BusFault {
  /** Where: the server, a stream, a consumer. */
  what: string
  problem: string
  remedy: string
}

/** More than this waiting for a consumer is worth a look. */
const maxLag = 1000
const provisionAgain = 'start Countersign again: its set-up puts the settings right'

/**
 * Looks at the server, the streams and the known consumers for whatever is not as it must be; nothing found is all well. All are asked at once, so
 * that a server that does not answer takes no longer than one question may.
 */
export async function findBusFaults(
  jsm: JetStreamManager,
  { version, max_payload: maxPayload }: Pick<ServerInfo, 'version' | 'max_payload'>,
): Promise<BusFault[]> {
  const faults: BusFault[] = []
  if (!isSupportedVersion(version)) {
    const problem = `version ${version} is too old: it ignores schedules and TTLs, so holds never expire`
    faults.push({ what: 'nats-server', problem, remedy: `install ${minServerVersion.join('.')} or newer` })
  }
  if (maxPayload < leastMaxPayload) {
    const problem = `it takes messages of ${maxPayload} bytes at most: larger records cannot be published, and nothing behind them`
    faults.push({ what: 'nats-server', problem, remedy: raisePayload })
  }
  const found = await Promise.all([
    ...Object.values<StreamSpec>(streams).map((spec) => streamFaults(jsm, spec)),
    payloadFaults(jsm),
    ...Object.values(consumers).map((consumer) => consumerFaults(jsm, consumer)),
  ])
  return [...faults, ...found.flat()]
}

/** What is wrong with something whose state the server does not tell. */
function untold(what: string, error: unknown): BusFault {
  if (error instanceof JetStreamApiError)
    return { what, problem: `is not there: ${error.message}`, remedy: provisionAgain }
  const remedy = 'look at the log of nats-server; of the servers that keep it, more than half must be there'
  return { what, problem: 'its server does not say how it stands', remedy }
}

async function streamFaults(jsm: JetStreamManager, spec: StreamSpec): Promise<BusFault[]> {
  const what = `stream ${spec.name}`
  const asked = Date.now()
  const info = await jsm.streams.info(spec.name).catch((error: unknown) => untold(what, error))
  if ('problem' in info) return [info]
  const { config, state } = info
  // The budget of CALLS and the number of replicas are settings of whoever runs it.
  const maxBytes = spec.name === 'CALLS' && config.max_bytes > 0 ? config.max_bytes : spec.maxBytes
  const faults = settingsOff(config, streamConfig({ ...spec, maxBytes }, config.num_replicas)).map((problem) => ({
    what,
    problem,
    remedy: provisionAgain,
  }))
  const serverTime = Date.parse(info.ts ?? '')
  const skewMs = Math.max(asked - serverTime, serverTime - Date.now())
  if (spec.name === 'CALLS' && skewMs > maxClockSkewMs) {
    const problem = `its clock and that of the services are ${Math.round(skewMs / 1000)} s apart, so holds expire early or late`
    faults.push({ what: 'nats-server', problem, remedy: 'set all clocks by NTP' })
  }
  if (spec.name === 'CALLS' && config.max_bytes > 0 && state.bytes > config.max_bytes * roomFor('requested')) {
    const problem = `${Math.round((100 * state.bytes) / config.max_bytes)} % of its budget is used, so new calls are refused`
    faults.push({ what, problem, remedy: 'wait until ended calls are purged, or raise its byte budget' })
  }
  return faults
}

async function payloadFaults(jsm: JetStreamManager): Promise<BusFault[]> {
  const what = `object store ${payloadStore.name}`
  const info = await jsm.streams.info(`OBJ_${payloadStore.name}`).catch((error: unknown) => untold(what, error))
  if ('problem' in info) return [info]
  const { config, state } = info
  if (config.max_bytes <= 0) return [{ what, problem: 'it has no byte budget', remedy: provisionAgain }]
  if (state.bytes <= config.max_bytes * roomFor('requested')) return []
  const problem = `${Math.round((100 * state.bytes) / config.max_bytes)} % of its budget is used, so calls with more than 256 KiB of arguments are refused`
  return [{ what, problem, remedy: 'wait until what it has is a week old, or raise its byte budget' }]
}

async function consumerFaults(
  jsm: JetStreamManager,
  consumer: { stream: string; name: string; filter: string },
): Promise<BusFault[]> {
  const what = `consumer ${consumer.name}`
  const info = await jsm.consumers.info(consumer.stream, consumer.name).catch((error: unknown) => untold(what, error))
  if ('problem' in info) return [info]
  const faults = settingsOff(info.config, consumerConfig(consumer)).map((problem) => ({
    what,
    problem,
    remedy: provisionAgain,
  }))
  const lag = info.num_pending + info.num_ack_pending
  if (lag > maxLag) {
    const service = consumer.name.split('-')[0]
    const remedy = `if that number does not fall, look at the log of ${service}`
    faults.push({ what, problem: `${lag} messages wait for ${service}`, remedy })
  }
  return faults
}
