import { activityEventType } from '../activity/envelope.ts'
import { activityEventNames, activityEvents } from '../activity/events.ts'
import { eventType } from '../call/envelope.ts'
import { eventContentType } from '../envelope.ts'
import { callEventNames, callEvents } from '../call/events.ts'
import type { JsonObject } from '../json.ts'
import { consumers, executorConsumer, type StreamName, streams } from '../streams.ts'
import { subjects } from '../subjects.ts'

const at = { tenant: '{tenant}', server: '{server}', callId: '{callId}' }

const parameters: Record<string, string> = {
  tenant: 'The tenant, a DNS label.',
  server: 'The tool server, a DNS label.',
  callId: 'The call id: a UUIDv7, or a UUIDv8 derived from tenant, principal and idempotency key.',
  event: 'The name of the event.',
}

interface Channel {
  id: string
  stream: StreamName
  address: string
  title: string
  /** Name of the schema in `schemas/`; undefined: no content. */
  schema?: string
  contentType: string
  type?: string
  sender: string
}

/** Every channel that is stored in a stream, with who writes it. */
const channels: readonly Channel[] = [
  ...callEventNames.map((name) => ({
    id: `call.${name}`,
    stream: 'CALLS' as const,
    address: subjects.call(at, name),
    title: callEvents[name].meaning,
    schema: `${name}.v1`,
    contentType: eventContentType,
    type: eventType(name),
    sender: callEvents[name].writer,
  })),
  {
    id: 'audit.record',
    stream: 'AUDIT',
    address: subjects.auditRecord(at.tenant, at.server, '{event}'),
    title: 'One event of a call, or what was done to a tool server, sealed.',
    schema: 'sealed-record.v3',
    contentType: 'application/json',
    sender: 'audit',
  },
  {
    id: 'audit.activity',
    stream: 'AUDIT',
    address: subjects.auditRecord(at.tenant, undefined, '{event}'),
    title: 'What was done to Countersign itself, sealed.',
    schema: 'sealed-record.v3',
    contentType: 'application/json',
    sender: 'audit',
  },
  ...activityEventNames.map((name) => ({
    id: `activity.${name}`,
    stream: 'LIFECYCLE' as const,
    address: subjects.activity(at.tenant, name),
    title: activityEvents[name].meaning,
    schema: `${name}.v1`,
    contentType: eventContentType,
    type: activityEventType(name),
    sender: activityEvents[name].writer,
  })),
  {
    id: 'lifecycle.event',
    stream: 'LIFECYCLE',
    address: subjects.lifecycleEvent(at.tenant, at.server, '{event}'),
    title: 'What was done to a tool server, by whom and why.',
    schema: 'lifecycle-event.v1',
    contentType: 'application/json',
    sender: 'lifecycle',
  },
  {
    id: 'timers.hold',
    stream: 'TIMERS',
    address: subjects.holdTimer(at.callId),
    title: 'The alarm of a hold, waiting: a scheduled message without content.',
    contentType: 'application/octet-stream',
    sender: 'policy',
  },
  {
    id: 'timers.hold-expired',
    stream: 'TIMERS',
    address: subjects.holdExpired(at),
    title: 'The alarm of a hold, ringing: written by the server when the time has come.',
    contentType: 'application/octet-stream',
    sender: 'nats-server',
  },
]

const receivers = [
  ...[consumers.policyRequested, consumers.policyVoted, consumers.policyExpired].map((consumer) => ({
    service: 'policy',
    ...consumer,
  })),
  { service: 'agent-executor', ...executorConsumer('*') },
  { service: 'audit', ...consumers.audit },
  { service: 'audit', ...consumers.auditActivity },
]

/** The AsyncAPI 3.1 document: streams as channels, who sends and who receives. */
export function asyncApi(): JsonObject {
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Countersign events',
      version: '1.0.0',
      description:
        'Every event of a governed tool call on NATS JetStream. Events of one call form one linear history: each publish names the sequence of the event it follows.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: eventContentType,
    channels: Object.fromEntries(channels.map((channel) => [channel.id, channelObject(channel)])),
    operations: Object.fromEntries([
      ...channels.map(({ id, sender }) => operation(sender, 'send', id)),
      ...receivers.flatMap(({ service, stream, filter }) =>
        channels
          .filter((channel) => channel.stream === stream && matches(filter, channel.address))
          .map(({ id }) => operation(service, 'receive', id)),
      ),
    ]),
    components: { messages: Object.fromEntries(channels.map((channel) => [channel.id, message(channel)])) },
  }
}

function channelObject({ id, stream, address, title }: Channel): JsonObject {
  const names = [...address.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!)
  return {
    address,
    title,
    parameters: Object.fromEntries(names.map((name) => [name, { description: parameters[name]! }])),
    messages: { [id]: { $ref: `#/components/messages/${id}` } },
    'x-stream': stream,
    'x-stream-subjects': [...streams[stream].subjects],
  }
}

function message({ id, title, schema, contentType, type }: Channel): JsonObject {
  return {
    name: type ?? id,
    title,
    contentType,
    ...(schema === undefined
      ? {}
      : {
          payload: {
            schemaFormat: 'application/schema+json;version=draft-2020-12',
            schema: { $ref: `./schemas/${schema}.json` },
          },
        }),
  }
}

function operation(service: string, action: 'send' | 'receive', id: string): [string, JsonObject] {
  return [
    `${service}.${action}.${id}`,
    { action, channel: { $ref: `#/channels/${id}` }, messages: [{ $ref: `#/channels/${id}/messages/${id}` }] },
  ]
}

/** True when a subject filter covers an address. */
function matches(filter: string, address: string): boolean {
  const tokens = address.split('.')
  const parts = filter.split('.')
  const open = parts.at(-1) === '>'
  if (open ? tokens.length < parts.length : tokens.length !== parts.length) return false
  return parts.every((part, index) => part === '*' || part === '>' || part === tokens[index])
}
