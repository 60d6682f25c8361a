import { auditLogOrigin, type JsonObject } from '@countersign/contracts'
import type { ExportedRecord } from '../open-entry.ts'
import { type Facts, factsOf } from './facts-of.ts'
import { ocsfClassOf, userOf } from './ocsf-class-of.ts'
import { eventOf } from './without-content.ts'

/** The version of the Open Cybersecurity Schema Framework whose classes these are. */
export const ocsfVersion = '1.8.0'

const statuses = { success: [1, 'Success'], failure: [2, 'Failure'], unknown: [0, 'Unknown'] } as const
const severities = { success: [1, 'Informational'], failure: [2, 'Low'], unknown: [3, 'Medium'] } as const
/** Where Countersign itself kept somebody from something. */
const blocking = new Set([
  'denied',
  'sign_in_refused',
  'token_refused',
  'caller_refused',
  'calls_refused',
  'access_refused',
])

/**
 * A record as an event of the class that fits it, with the profile for security controls: allowed and denied are actions there. Calls are
 * API Activity (6003), sign-ins Authentication (3002), changes of policies, exports and holds Entity Management (3004). `raw_data` is the
 * sealed record itself.
 */
export function ocsfOf(exported: ExportedRecord): JsonObject {
  const { text, sealed } = exported
  const { record } = sealed
  const { event, who, decision, execution } = record
  const facts = factsOf(exported)
  const [statusId, status] = facts.result ? statuses[facts.result] : ([99, event] as const)
  const [severityId, severity] = severities[facts.result ?? 'success']
  return {
    ...ocsfClassOf(exported, facts),
    time: Date.parse(facts.time),
    ...spanOf(facts),
    severity_id: severityId,
    severity,
    status_id: statusId,
    status,
    ...(facts.reason ? { status_code: facts.reason.code, status_detail: facts.reason.message } : {}),
    message: facts.summary,
    metadata: metadataOf(exported),
    actor: { app_name: who?.actor ?? 'countersign', ...(who ? { user: userOf(who) } : {}) },
    // The addresses of agents are not recorded; all that is known is that they came by the gateway.
    src_endpoint: facts.address === undefined ? { svc_name: 'countersign' } : { ip: facts.address },
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

function metadataOf(exported: ExportedRecord): JsonObject {
  const { id, tenant, index, sealed } = exported
  const { record } = sealed
  return {
    version: ocsfVersion,
    product: { name: 'Countersign', vendor_name: 'Countersign' },
    profiles: ['security_control'],
    uid: id,
    event_code: record.event,
    sequence: index,
    tenant_uid: tenant,
    log_name: auditLogOrigin(tenant),
    log_version: String(record.version),
    logged_time: Date.parse(record.storedAt),
    ...(record.callId === undefined ? {} : { correlation_uid: record.callId }),
    ...(eventOf(exported) ? {} : { is_truncated: true }),
  }
}

/** Over which time something was counted, and how often it happened. */
function spanOf({ counted }: Facts): JsonObject {
  if (!counted) return {}
  return { count: counted.count, start_time: Date.parse(counted.since), end_time: Date.parse(counted.until) }
}

function actionOf(event: string): JsonObject {
  if (event === 'allowed') return { action_id: 1, action: 'Allowed', disposition_id: 1, disposition: 'Allowed' }
  if (blocking.has(event)) return { action_id: 2, action: 'Denied', disposition_id: 2, disposition: 'Blocked' }
  return { action_id: 3, action: 'Observed' }
}
