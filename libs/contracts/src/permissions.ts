import { activityEventNames, activityEvents, type ActivityWriter } from './activity/events.ts'
import { callEventNames, callEvents } from './call/events.ts'
import { type BucketName, buckets, consumers, payloadStore, type StreamName, streams } from './streams.ts'
import { subjects } from './subjects.ts'

/** The NATS users: one a service, one for the launcher's set-up, one for people who read the streams, one for consumers of `AUDIT`. */
export const busUsers = [
  'gateway',
  'policy',
  'agent-executor',
  'lifecycle',
  'audit',
  'console',
  'provisioner',
  'auditor',
  'audit-reader',
] as const
export type BusUser = (typeof busUsers)[number]

/** What a user may publish to and subscribe to; NATS refuses all else (I11). */
export interface Permissions {
  publish: string[]
  /** Taken out of `publish` again: what belongs to another service. */
  publishDenied: string[]
  subscribe: string[]
}

/** Every user has an inbox prefix of its own, so that nobody reads another's replies. */
export function inboxPrefix(user: BusUser): string {
  return `_INBOX_${user}`
}

const readStream = (stream: StreamName) => [
  `$JS.API.STREAM.INFO.${stream}`,
  `$JS.API.DIRECT.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}.>`,
  `$JS.API.STREAM.MSG.GET.${stream}`,
]
const ackStream = (stream: string, consumer: string) => [
  `$JS.ACK.${stream}.${consumer}.>`,
  `$JS.ACK.*.*.${stream}.${consumer}.>`,
]
const useConsumer = ({ stream, name }: { stream: string; name: string }) => [
  `$JS.API.CONSUMER.INFO.${stream}.${name}`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`,
  ...ackStream(stream, name),
]
/** Ordered consumers for watching: ephemeral, acknowledging nothing. */
const watchStream = (stream: string) => [
  `$JS.API.STREAM.INFO.${stream}`,
  `$JS.API.CONSUMER.CREATE.${stream}.*`,
  `$JS.API.CONSUMER.CREATE.${stream}.*.>`,
  `$JS.API.CONSUMER.INFO.${stream}.*`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
  `$JS.FC.${stream}.>`,
]
const readBucket = (bucket: BucketName) => [
  ...watchStream(`KV_${bucket}`),
  `$JS.API.DIRECT.GET.KV_${bucket}`,
  `$JS.API.DIRECT.GET.KV_${bucket}.>`,
  `$JS.API.STREAM.MSG.GET.KV_${bucket}`,
]
const writeBucket = (bucket: BucketName) => [...readBucket(bucket), `$KV.${bucket}.>`]
/** Fetching content by its name, and no more. */
const fetchPayloads = [
  `$JS.API.STREAM.INFO.OBJ_${payloadStore.name}`,
  `$JS.API.DIRECT.GET.OBJ_${payloadStore.name}`,
  `$JS.API.DIRECT.GET.OBJ_${payloadStore.name}.>`,
  `$JS.API.STREAM.MSG.GET.OBJ_${payloadStore.name}`,
]
const readPayloads = [...watchStream(`OBJ_${payloadStore.name}`), ...fetchPayloads]
const writePayloads = [...readPayloads, `$O.${payloadStore.name}.>`, `$JS.API.STREAM.PURGE.OBJ_${payloadStore.name}`]

/** The call events a service writes, from the event table. */
function eventsOf(service: string): string[] {
  return callEventNames.filter((name) => callEvents[name].writer === service).map((name) => subjects.callEvents(name))
}

/** The activities a service writes, from their table. */
function activitiesOf(service: ActivityWriter): string[] {
  return activityEventNames
    .filter((name) => activityEvents[name].writer === service)
    .map((name) => subjects.activity('*', name))
}

/** Whose the durable consumers are. */
const consumerOwners: Record<keyof typeof consumers, BusUser> = {
  policyRequested: 'policy',
  policyVoted: 'policy',
  policyExpired: 'policy',
  audit: 'audit',
  auditActivity: 'audit',
}

/** Taking, acknowledging, changing or removing a consumer that is somebody else's would lose or skip events (I7, I8). */
function othersConsumers(user: BusUser): string[] {
  const names = Object.keys(consumers) as (keyof typeof consumers)[]
  return names
    .filter((name) => consumerOwners[name] !== user)
    .flatMap((name) => {
      const { stream, name: consumer } = consumers[name]
      return [
        ...ackStream(stream, consumer),
        `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
        `$JS.API.CONSUMER.DELETE.${stream}.${consumer}`,
        `$JS.API.CONSUMER.CREATE.${stream}.${consumer}`,
        `$JS.API.CONSUMER.CREATE.${stream}.${consumer}.>`,
      ]
    })
}

/** The permission list of a user. */
export function permissionsOf(user: BusUser): Permissions {
  return { ...granted(user), publishDenied: user === 'provisioner' ? [] : othersConsumers(user) }
}

function granted(user: BusUser): Omit<Permissions, 'publishDenied'> {
  const inbox = `${inboxPrefix(user)}.>`
  switch (user) {
    case 'gateway':
      return {
        publish: [
          ...eventsOf('gateway'),
          ...activitiesOf('gateway'),
          ...readStream('CALLS'),
          ...readBucket('servers'),
          ...readBucket('policies'),
          ...writeBucket('sessions'),
          ...writePayloads,
          subjects.midcall('*', '*', 'up'),
          subjects.withdrawals('*'),
          subjects.api('policy', 'visible'),
        ],
        subscribe: [inbox, subjects.replies('*'), subjects.midcallDown('*'), subjects.withdrawals('*')],
      }
    case 'policy':
      return {
        publish: [
          ...eventsOf('policy'),
          ...activitiesOf('policy'),
          // Which of its activities are stored already.
          ...activitiesOf('policy').map((subject) => `$JS.API.DIRECT.GET.LIFECYCLE.${subject}`),
          ...readStream('CALLS'),
          ...useConsumer(consumers.policyRequested),
          ...useConsumer(consumers.policyVoted),
          ...useConsumer(consumers.policyExpired),
          `$JS.API.CONSUMER.INFO.CALLS.${consumers.audit.name}`,
          ...readBucket('servers'),
          ...writeBucket('policies'),
          ...readPayloads,
          subjects.holdTimer('*'),
          subjects.replies('*'),
          '_INBOX_gateway.>',
          '_INBOX_console.>',
        ],
        subscribe: [inbox, subjects.api('policy', '*')],
      }
    case 'agent-executor':
      return {
        publish: [
          ...eventsOf('agent-executor'),
          ...readStream('CALLS'),
          // Its consumers may filter on grants and nothing else.
          `$JS.API.CONSUMER.CREATE.CALLS.*.${subjects.callEvents('allowed')}`,
          '$JS.API.CONSUMER.LIST.CALLS',
          '$JS.API.CONSUMER.INFO.CALLS.*',
          '$JS.API.CONSUMER.MSG.NEXT.CALLS.*',
          ...ackStream('CALLS', '*'),
          ...readBucket('servers'),
          ...writePayloads,
          subjects.replies('*'),
          subjects.midcall('*', '*', 'down'),
          subjects.inHand('*', 'asked'),
          subjects.inHand('*', 'confirmed'),
          subjects.faults('agent-executor', '*'),
        ],
        subscribe: [
          inbox,
          subjects.midcall('*', '*', 'up'),
          subjects.inHand('*', 'asked'),
          subjects.inHand('*', 'confirmed'),
        ],
      }
    case 'lifecycle':
      return {
        publish: [
          ...writeBucket('servers'),
          subjects.allLifecycle,
          `$JS.API.STREAM.INFO.LIFECYCLE`,
          '_INBOX_console.>',
        ],
        subscribe: [inbox, subjects.api('lifecycle', '*')],
      }
    case 'audit':
      return {
        publish: [
          subjects.allAudit,
          ...activitiesOf('audit'),
          ...readStream('CALLS'),
          ...readStream('LIFECYCLE'),
          ...readStream('AUDIT'),
          ...useConsumer(consumers.audit),
          ...useConsumer(consumers.auditActivity),
          '$JS.API.STREAM.PURGE.CALLS',
          '$JS.API.STREAM.PURGE.LIFECYCLE',
          // What is to be taken out of records.
          ...readBucket('policies'),
          // What events only name, because it is too large for them.
          ...fetchPayloads,
          ...writeBucket('exports'),
          '_INBOX_console.>',
        ],
        subscribe: [inbox, subjects.api('audit', '*')],
      }
    case 'console':
      return {
        publish: [
          ...activitiesOf('console'),
          ...readStream('CALLS'),
          // For `doctor`: the state of streams, buckets and consumers, and which messages could not be read.
          ...Object.keys(streams).map((stream) => `$JS.API.STREAM.INFO.${stream}`),
          ...Object.keys(buckets).map((bucket) => `$JS.API.STREAM.INFO.KV_${bucket}`),
          '$JS.API.CONSUMER.INFO.CALLS.*',
          '$JS.API.CONSUMER.INFO.TIMERS.*',
          '$JS.API.CONSUMER.INFO.LIFECYCLE.*',
          ...readBucket('servers'),
          ...readBucket('policies'),
          ...readPayloads,
          subjects.api('policy', '*'),
          subjects.api('audit', '*'),
          subjects.api('lifecycle', '*'),
        ],
        subscribe: [inbox, subjects.unreadable('*', '*'), subjects.faults('*', '*')],
      }
    case 'auditor':
      return {
        publish: [
          ...readStream('CALLS'),
          ...readStream('AUDIT'),
          // People read with the consumers their tools make. NATS cannot tell those by name from the executors': who has this password
          // can hold calls up until their grants expire, never run or change one.
          ...watchStream('CALLS'),
          ...watchStream('AUDIT'),
          '$JS.API.INFO',
          '$JS.API.STREAM.NAMES',
          '$JS.API.STREAM.LIST',
          '$JS.API.CONSUMER.LIST.*',
          '$JS.API.CONSUMER.NAMES.*',
          '$JS.API.STREAM.MSG.GET.CALLS',
          '$JS.API.STREAM.MSG.GET.AUDIT',
        ],
        // People bring clients of their own, whose inboxes have the default prefix.
        subscribe: [inbox, '_INBOX.>', subjects.allCalls, subjects.allAudit],
      }
    case 'audit-reader':
      return {
        // Programs keep cursors of their own in `AUDIT`, make and remove them, and see no other stream. NATS does not look at where a cursor
        // has messages pushed to: services take nothing that comes under another subject, and docs/audit-stream.md says what remains.
        publish: [
          '$JS.API.INFO',
          ...readStream('AUDIT'),
          ...watchStream('AUDIT'),
          `$JS.API.CONSUMER.DELETE.AUDIT.*`,
          `$JS.API.CONSUMER.NAMES.AUDIT`,
          `$JS.API.CONSUMER.LIST.AUDIT`,
          ...ackStream('AUDIT', '*'),
        ],
        subscribe: [inbox],
      }
    case 'provisioner':
      return { publish: ['$JS.API.>'], subscribe: [inbox] }
  }
}
