import { auditLogOrigin, type JsonObject } from '@countersign/contracts'
import type { ExportedRecord } from '../open-entry.ts'
import { type Facts, factsOf } from './facts-of.ts'

/** The version of the Open Cybersecurity Schema Framework whose class this is. */
export const ocsfVersion = '1.8.0'

const other = 99
const statuses = { success: [1, 'Success'], failure: [2, 'Failure'], unknown: [0, 'Unknown'] } as const
const severities = { success: [1, 'Informational'], failure: [2, 'Low'], unknown: [3, 'Medium'] } as const

/**
 * A record as an event of the class API Activity (6003) with the profile for security controls: allowed and denied are actions there.
 * `raw_data` is the sealed record itself.
 */
export function ocsfOf(exported: ExportedRecord): JsonObject {
  const { id, tenant, index, text, sealed } = exported
  const { record } = sealed
  const { event, who, server, decision, execution } = record
  const facts = factsOf(exported)
  const [statusId, status] = facts.result ? statuses[facts.result] : ([other, 'Other'] as const)
  const [severityId, severity] = severities[facts.result ?? 'success']
  return {
    activity_id: other,
    activity_name: event,
    category_uid: 6,
    category_name: 'Application Activity',
    class_uid: 6003,
    class_name: 'API Activity',
    type_uid: 600_399,
    type_name: 'API Activity: Other',
    time: Date.parse(facts.time),
    severity_id: severityId,
    severity,
    status_id: statusId,
    status,
    ...(facts.reason ? { status_code: facts.reason.code, status_detail: facts.reason.message } : {}),
    message: facts.summary,
    metadata: {
      version: ocsfVersion,
      product: { name: 'Countersign', vendor_name: 'Countersign' },
      profiles: ['security_control'],
      uid: id,
      event_code: event,
      sequence: index,
      tenant_uid: tenant,
      log_name: auditLogOrigin(tenant),
      log_version: String(record.version),
      logged_time: Date.parse(record.storedAt),
      ...(record.callId === undefined ? {} : { correlation_uid: record.callId }),
    },
    actor: {
      app_name: who?.actor ?? 'countersign',
      ...(who ? { user: userOf(who) } : {}),
    },
    api: apiOf(exported, facts),
    // The addresses of agents are not recorded; all that is known is that they came by the gateway.
    src_endpoint: { svc_name: 'countersign' },
    ...(server === undefined ? {} : { dst_endpoint: { svc_name: server } }),
    ...resourcesOf(exported),
    ...actionOf(event),
    ...(decision
      ? {
          authorizations: decision.rules.map(({ policy, rule, effect }) => ({
            decision: effect,
            policy: { name: rule, group: { name: policy }, version: decision.policyRevision },
          })),
        }
      : {}),
    ...(execution?.durationMs === undefined ? {} : { duration: Math.round(execution.durationMs) }),
    raw_data: text,
  }
}

function userOf({ principal, groups }: { principal: string; groups?: string[] | undefined }): JsonObject {
  return { uid: principal, name: principal, ...(groups ? { groups: groups.map((name) => ({ name })) } : {}) }
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

function actionOf(event: string): JsonObject {
  if (event === 'allowed') return { action_id: 1, action: 'Allowed', disposition_id: 1, disposition: 'Allowed' }
  if (event === 'denied') return { action_id: 2, action: 'Denied', disposition_id: 2, disposition: 'Blocked' }
  return { action_id: 3, action: 'Observed' }
}
