import { isJsonObject, type JsonObject } from '@countersign/contracts'
import type { ExportedRecord } from '../open-entry.ts'
import type { Facts } from './facts-of.ts'
import { eventOf } from './without-content.ts'

/** Classes of OCSF and their activities that records are told as. */
const apiActivity = { class_uid: 6003, class_name: 'API Activity', ...category(6, 'Application Activity') }
const authentication = { class_uid: 3002, class_name: 'Authentication', ...category(3, 'Identity & Access Management') }
const entityManagement = {
  class_uid: 3004,
  class_name: 'Entity Management',
  ...category(3, 'Identity & Access Management'),
}
const [create, read, update, remove] = [
  [1, 'Create'],
  [2, 'Read'],
  [3, 'Update'],
  [4, 'Delete'],
] as const
const logon = [1, 'Logon'] as const
type Activity = readonly [id: number, caption: string]

/** Who lets people in, or does not. */
const logons: Readonly<Record<string, { service: string; isKnown: boolean }>> = {
  signed_in: { service: 'console', isKnown: true },
  sign_in_refused: { service: 'console', isKnown: false },
  token_refused: { service: 'gateway', isKnown: false },
  caller_refused: { service: 'gateway', isKnown: true },
}

/** What is done to things of Countersign itself, where OCSF has a word for it that says neither more nor less. */
const entities: Readonly<Record<string, { activity: Activity; type: readonly [id: number, caption: string] }>> = {
  policies_changed: { activity: update, type: [5, 'Policy'] },
  policies_refused: { activity: update, type: [5, 'Policy'] },
  exports_changed: { activity: update, type: [99, 'exports'] },
  exports_refused: { activity: update, type: [99, 'exports'] },
  hold_placed: { activity: create, type: [99, 'hold'] },
  hold_lifted: { activity: remove, type: [99, 'hold'] },
}

/** The class of a record with its activity, and the members that belong to no other class. */
export function ocsfClassOf(exported: ExportedRecord, facts: Facts): JsonObject {
  const { event, what, who } = exported.sealed.record
  const signIn = what ? undefined : logons[event]
  if (signIn) {
    // The members of an activity name who wrote it where nobody knows whose token it was.
    const user = signIn.isKnown && who ? userOf(who) : { name: 'unknown', type_id: 0, type: 'Unknown' }
    const service = { name: 'countersign', uid: signIn.service }
    return { ...withActivity(authentication, logon, event), user, service }
  }
  const managed = what ? undefined : entities[event]
  if (managed) {
    return { ...withActivity(entityManagement, managed.activity, event), entity: entityOf(exported, managed.type) }
  }
  // What a tool does to what it works on is not known.
  const activity = event === 'audit_read' ? read : undefined
  return {
    ...withActivity(apiActivity, activity, event),
    api: apiOf(exported, facts),
    ...(exported.sealed.record.server === undefined
      ? {}
      : { dst_endpoint: { svc_name: exported.sealed.record.server } }),
    ...resourcesOf(exported),
  }
}

/** A principal as a user of OCSF. */
export function userOf({ principal, groups }: { principal: string; groups?: string[] | undefined }): JsonObject {
  return { uid: principal, name: principal, ...(groups ? { groups: groups.map((name) => ({ name })) } : {}) }
}

function category(uid: number, name: string) {
  return { category_uid: uid, category_name: name }
}

/** @param activity undefined for one that the class has no word for; then the event names it */
function withActivity(of: typeof apiActivity, activity: Activity | undefined, event: string): JsonObject {
  const [id, caption] = activity ?? [99, 'Other']
  return {
    ...of,
    activity_id: id,
    activity_name: activity ? caption : event,
    type_uid: of.class_uid * 100 + id,
    type_name: `${of.class_name}: ${caption}`,
  }
}

function entityOf(exported: ExportedRecord, [typeId, type]: readonly [id: number, caption: string]): JsonObject {
  const { record } = exported.sealed
  const resource = 'resource' in record ? record.resource : undefined
  const data = eventOf(exported)?.['data']
  const revision = isJsonObject(data) && isJsonObject(data['revision']) ? data['revision']['after'] : undefined
  return {
    type_id: typeId,
    type,
    name: resource?.name ?? type,
    ...(typeof revision === 'string' ? { version: revision } : {}),
  }
}

function apiOf({ id, sealed: { record } }: ExportedRecord, facts: Facts): JsonObject {
  const { what, callId, event, server, outcome } = record
  const response = facts.reason
    ? { response: { error: facts.reason.code, error_message: facts.reason.message } }
    : outcome && what
      ? { response: { message: outcome.status } }
      : {}
  return {
    operation: what?.tool ?? event,
    service: { name: server ?? 'countersign' },
    request: {
      uid: callId ?? id,
      ...(what ? { flags: [what.method] } : {}),
      ...(facts.arguments ? { data: facts.arguments } : {}),
    },
    ...response,
  }
}

function resourcesOf({ sealed: { record } }: ExportedRecord): JsonObject {
  if (record.what)
    return { resources: [{ type: 'tool', name: record.what.tool, uid: `${record.server}/${record.what.tool}` }] }
  const resource = 'resource' in record ? record.resource : undefined
  return resource ? { resources: [{ type: resource.type, name: resource.name }] } : {}
}
