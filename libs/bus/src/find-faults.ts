import { consumers, streams, type StreamSpec } from '@countersign/contracts'
import type { JetStreamManager } from '@nats-io/jetstream'
import { isSupportedVersion, minServerVersion } from './provision.ts'
import { roomFor } from './room.ts'
import { consumerConfig, settingsOff, streamConfig } from './wanted-config.ts'

/** Something that is not right with the bus, and what to do about it. */
export interface BusFault {
  /** Where: the server, a stream, a consumer. */
  what: string
  problem: string
  remedy: string
}

const maxClockSkewMs = 5000
/** More than this waiting for a consumer is worth a look. */
const maxLag = 1000
const provisionAgain = 'start Countersign again: its set-up puts the settings right'

/** Looks at the server, the streams and the known consumers for whatever is not as it must be; nothing found is all well. */
export async function findBusFaults(jsm: JetStreamManager, serverVersion: string): Promise<BusFault[]> {
  const faults: BusFault[] = []
  if (!isSupportedVersion(serverVersion)) {
    const problem = `version ${serverVersion} is too old: it ignores schedules and TTLs, so holds never expire`
    faults.push({ what: 'nats-server', problem, remedy: `install ${minServerVersion.join('.')} or newer` })
  }
  for (const spec of Object.values<StreamSpec>(streams)) faults.push(...(await streamFaults(jsm, spec)))
  for (const consumer of Object.values(consumers)) faults.push(...(await consumerFaults(jsm, consumer)))
  return faults
}

async function streamFaults(jsm: JetStreamManager, spec: StreamSpec): Promise<BusFault[]> {
  const what = `stream ${spec.name}`
  const asked = Date.now()
  const info = await jsm.streams.info(spec.name).catch(() => undefined)
  if (!info) return [{ what, problem: 'is missing or does not answer', remedy: provisionAgain }]
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

async function consumerFaults(
  jsm: JetStreamManager,
  consumer: { stream: string; name: string; filter: string },
): Promise<BusFault[]> {
  const what = `consumer ${consumer.name}`
  const info = await jsm.consumers.info(consumer.stream, consumer.name).catch(() => undefined)
  if (!info) return [{ what, problem: 'is missing or does not answer', remedy: provisionAgain }]
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
