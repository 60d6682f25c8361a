import {
  CallId,
  consumers,
  DnsLabel,
  isJsonObject,
  type Json,
  type JsonObject,
  parseActivitySubject,
  parseCallSubject,
  parseLifecycleSubject,
} from '@countersign/contracts'
import { activitySectionsOf } from './activity-sections-of.ts'
import { noActivity, noCall, type RecordHead } from './record-text.ts'
import { type Sections, sectionsOf } from './sections-of.ts'

/** What a subject says of the message under it. */
export type RecordAddress = Pick<RecordHead, 'tenant' | 'server' | 'callId' | 'event'>

/** A stream whose messages become records, and how they do. */
export interface RecordSource {
  /** The durable consumer that audit takes them with. */
  consumer: typeof consumers.audit | typeof consumers.auditActivity
  kind: RecordHead['kind']
  /** Stands where a subject says nothing. */
  unaddressed: Omit<RecordAddress, 'event'>
  /** Reads a subject; undefined for one that the stream is not for. */
  addressOf(subject: string): RecordAddress | undefined
  /** The CloudEvent that a stored value is; one that is none yet is put into an envelope. */
  toCloudEvent(value: Json, address: RecordAddress, place: { created: string; seq: number }): Json
  /** Reads out of an event what a record says for every kind of event. */
  sectionsOf(name: string, event: JsonObject): Sections
}

/** Labels seen to be good: there are few, and they come again with every event. */
const goodLabels = new Set<string>()
const maxLabels = 10_000

/** Every event of every call. */
export const calls: RecordSource = {
  consumer: consumers.audit,
  kind: 'call',
  unaddressed: noCall,
  addressOf(subject) {
    const at = parseCallSubject(subject)
    return at && isLabel(at.tenant) && isLabel(at.server) && CallId.safeParse(at.callId).success ? at : undefined
  },
  toCloudEvent: (value) => value,
  sectionsOf,
}

/** What is done to tool servers and to Countersign itself. */
export const activity: RecordSource = {
  consumer: consumers.auditActivity,
  kind: 'activity',
  unaddressed: noActivity,
  addressOf(subject) {
    const at = parseLifecycleSubject(subject) ?? parseActivitySubject(subject)
    if (!at || !isLabel(at.tenant)) return undefined
    const { server } = { server: undefined, ...at }
    return server === undefined || isLabel(server) ? { ...at, server, callId: undefined } : undefined
  },
  toCloudEvent: (value, address, place) =>
    address.server !== undefined && isJsonObject(value) ? lifecycleEnvelope(value, address, place) : value,
  sectionsOf: activitySectionsOf,
}

/** What was done to a tool server is stored without an envelope; in the log every event has one. */
function lifecycleEnvelope(
  data: JsonObject,
  { server, event }: RecordAddress,
  { created, seq }: { created: string; seq: number },
): JsonObject {
  return {
    specversion: '1.0',
    id: `lifecycle.${created}.${seq}`,
    source: '/services/lifecycle',
    type: `dev.countersign.lifecycle.${event}.v1`,
    subject: server!,
    ...(typeof data['at'] === 'string' ? { time: data['at'] } : {}),
    datacontenttype: 'application/json',
    data,
  }
}

function isLabel(name: string): boolean {
  if (goodLabels.has(name)) return true
  if (!DnsLabel.safeParse(name).success) return false
  if (goodLabels.size < maxLabels) goodLabels.add(name)
  return true
}
