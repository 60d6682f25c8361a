import {
  type BucketName,
  buckets,
  type BucketSpec,
  consumers,
  count,
  maxClockSkewMs,
  payloadStore,
  streams,
  type StreamSpec,
} from '@countersign/contracts'
import { JetStreamApiError, type JetStreamManager, type PeerInfo, type StreamInfo } from '@nats-io/jetstream'
import type { ServerInfo } from '@nats-io/transport-node'
import { isSupportedVersion, leastMaxPayload, minServerVersion, raisePayload } from './provision.ts'
import { roomFor } from './room.ts'
import { consumerConfig, settingsOff, streamConfig } from './wanted-config.ts'

/** Something that is not right with the bus, and what to do about it. */
export interface BusFault {
  /** Where: a server, a stream, a bucket, a consumer. */
  what: string
  problem: string
  remedy: string
}

/** More than this waiting for a consumer is worth a look. */
const maxLag = 1000
const provisionAgain = 'start Countersign again: its set-up puts the settings right'

/** What goes without a bucket, and who fills one that is made anew. */
const lostBuckets: Record<BucketName, { without: string; filledBy: string }> = {
  servers: {
    without: 'no change of a tool server is taken up, and what is started now knows none of them',
    filledBy: 'a lifecycle that kept running fills it; one that is started now takes every tool for good that it finds',
  },
  policies: {
    without: 'audit does not know what to take out of records, and seals nothing',
    filledBy: 'policy fills it',
  },
  sessions: {
    without: 'clients with sessions, those of older MCP revisions, are refused',
    filledBy: 'such clients have to begin a new session',
  },
  exports: {
    without: 'how far exports are is kept nowhere',
    filledBy: 'an audit that kept running fills it; one that is started now begins its exports anew',
  },
}

/** Followers that confirm a little later than others are so for a moment under load. */
const maxReplicaLag = 100
/** A server that keeps a stream is heard of every second. */
const maxSilenceNs = 10e9

/**
 * Looks at the servers, the streams, the buckets and the known consumers for whatever is not as it must be; nothing found is all well. All are asked at once, so
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
  const [kept, consuming] = await Promise.all([
    Promise.all([
      ...Object.values<StreamSpec>(streams).map((spec) => streamFaults(jsm, spec)),
      payloadFaults(jsm),
      ...(Object.keys(buckets) as BucketName[]).map((name) => bucketFaults(jsm, name, buckets[name])),
    ]),
    Promise.all(Object.values(consumers).map((consumer) => consumerFaults(jsm, consumer))),
  ])
  const replicas = replicaFaults(kept.flatMap(({ info }) => info ?? []))
  return [...faults, ...replicas, ...kept.flatMap((each) => each.faults), ...consuming.flat()]
}

/** What was found of something that is kept in a stream, and how that stands where the server tells. */
interface Found {
  faults: BusFault[]
  info?: StreamInfo
}

/** What is wrong with something whose state the server does not tell. */
function untold(what: string, error: unknown, gone = { so: '', remedy: provisionAgain }): BusFault {
  if (error instanceof JetStreamApiError)
    return { what, problem: `is not there: ${error.message}${gone.so}`, remedy: gone.remedy }
  const remedy = 'look at the log of nats-server; of the servers that keep it, more than half must be there'
  return { what, problem: 'its server does not say how it stands', remedy }
}

/**
 * The servers that lack what others have of what several of them keep, one fault a server.
 *
 * @param infos how streams stand, as their leaders say
 */
export function replicaFaults(infos: readonly Pick<StreamInfo, 'config' | 'cluster'>[]): BusFault[] {
  const lacking = infos.flatMap(({ config, cluster }) => {
    const peers = (cluster?.replicas ?? []).filter((peer) => isAway(peer) || isBehind(peer))
    const majority = Math.floor(config.num_replicas / 2) + 1
    const spare = Math.max(0, config.num_replicas - peers.length - majority)
    return peers.map((peer) => ({ peer, stream: config.name, spare }))
  })
  return [...Map.groupBy(lacking, ({ peer }) => peer.name)].flatMap(([name, of]) => {
    const what = `nats-server ${name}`
    const away = of.filter(({ peer }) => isAway(peer))
    if (away.length > 0) return { what, ...awayFault(away) }
    const most = of.reduce((a, b) => (b.peer.lag > a.peer.lag ? b : a))
    const behind = `is behind with ${namesOf(of)}, by up to ${count(most.peer.lag, 'operation')} (${most.stream})`
    const remedy =
      'it catches up by itself; end no other server meanwhile. If the number does not fall, look at its log and its disk'
    return { what, problem: `${behind}, so what is acknowledged is on fewer servers than it should be`, remedy }
  })
}

interface Lacking {
  peer: PeerInfo
  stream: string
  /** How many more servers of it may go away before it takes nothing. */
  spare: number
}

function awayFault(away: readonly Lacking[]): Omit<BusFault, 'what'> {
  const seenNs = Math.min(...away.map(({ peer }) => peer.active))
  const since = seenNs > 0 ? `, last heard of ${Math.round(seenNs / 1e9)} s ago` : ''
  const how = away.some(({ peer }) => peer.offline) ? 'is offline' : 'is silent'
  const spare = Math.min(...away.map((each) => each.spare))
  const more = spare === 0 ? 'one more server goes' : `${spare + 1} more servers go`
  return {
    problem: `${how}${since}, so there is a copy less of ${namesOf(away)}; when ${more} away, nothing is stored and calls are refused`,
    remedy:
      'start it again, or see in its log and in those of the others why they do not reach it: it catches up by itself. If it will never come back, take it out of the cluster (peer-remove) and put another in its place',
  }
}

function isAway({ offline, current, active }: PeerInfo): boolean {
  return offline || (!current && active > maxSilenceNs)
}

function isBehind({ current, lag }: PeerInfo): boolean {
  return !current && lag > maxReplicaLag
}

function namesOf(of: readonly Lacking[]): string {
  return of.map(({ stream }) => stream).join(', ')
}

async function streamFaults(jsm: JetStreamManager, spec: StreamSpec): Promise<Found> {
  const what = `stream ${spec.name}`
  const asked = Date.now()
  const info = await jsm.streams.info(spec.name).catch((error: unknown) => untold(what, error))
  if ('problem' in info) return { faults: [info] }
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
  return { faults, info }
}

async function payloadFaults(jsm: JetStreamManager): Promise<Found> {
  const what = `object store ${payloadStore.name}`
  const info = await jsm.streams.info(`OBJ_${payloadStore.name}`).catch((error: unknown) => untold(what, error))
  if ('problem' in info) return { faults: [info] }
  const { config, state } = info
  if (config.max_bytes <= 0)
    return { info, faults: [{ what, problem: 'it has no byte budget', remedy: provisionAgain }] }
  if (state.bytes <= config.max_bytes * roomFor('requested')) return { info, faults: [] }
  const problem = `${Math.round((100 * state.bytes) / config.max_bytes)} % of its budget is used, so calls with more than 256 KiB of arguments are refused`
  const remedy = 'wait until what it has is a week old, or raise its byte budget'
  return { info, faults: [{ what, problem, remedy }] }
}

async function bucketFaults(jsm: JetStreamManager, name: BucketName, { ttlMs = 0 }: BucketSpec): Promise<Found> {
  const what = `bucket ${name}`
  const stream = `KV_${name}`
  const { without, filledBy } = lostBuckets[name]
  const remedy = `have the set-up make it, on one machine by ending nats-server alone: the launcher starts it again and makes what is missing; ${filledBy}`
  const info = await jsm.streams
    .info(stream)
    .catch((error: unknown) => untold(what, error, { so: `, so ${without}`, remedy }))
  if ('problem' in info) return { faults: [info] }
  // As the set-up makes it.
  const wanted = {
    ...{ subjects: [`$KV.${name}.>`], storage: 'file', retention: 'limits', discard: 'new' },
    ...{ max_msgs_per_subject: 1, max_age: ttlMs * 1e6, allow_direct: true, allow_rollup_hdrs: true },
  }
  const faults = settingsOff(info.config, wanted).map((problem) => ({
    what,
    problem,
    remedy: `the set-up leaves a bucket that is there as it is: put the setting right with: nats stream edit ${stream} (as the NATS user provisioner)`,
  }))
  return { info, faults }
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
