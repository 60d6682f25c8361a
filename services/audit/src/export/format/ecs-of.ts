import type { JsonObject } from '@countersign/contracts'
import type { ExportedRecord } from '../open-entry.ts'
import { factsOf } from './facts-of.ts'

/** The version of the Elastic Common Schema whose fields these are. */
export const ecsVersion = '9.4.0'

const types: Readonly<Record<string, string[]>> = {
  requested: ['start'],
  allowed: ['allowed'],
  denied: ['denied', 'end'],
  dispatched: ['access'],
  succeeded: ['end'],
  failed: ['end'],
  unknown: ['end'],
  cancelled: ['end'],
}

/** A record in the fields of the Elastic Common Schema; `event.original` is the sealed record itself. */
export function ecsOf(exported: ExportedRecord): JsonObject {
  const { id, tenant, index, text, sealed } = exported
  const { record, leafHash } = sealed
  const { event, who, what, execution, decision } = record
  const { time, result, reason, summary, trace } = factsOf(exported)
  return {
    '@timestamp': time,
    ecs: { version: ecsVersion },
    message: summary,
    event: {
      kind: 'event',
      category: ['api'],
      type: types[event] ?? (what ? ['info'] : ['admin', 'change']),
      action: event,
      id,
      sequence: index,
      created: record.storedAt,
      module: 'countersign',
      dataset: 'countersign.audit',
      hash: leafHash,
      original: text,
      ...(result === undefined ? {} : { outcome: result }),
      ...(reason ? { code: reason.code, reason: reason.message } : {}),
      ...(execution?.durationMs === undefined ? {} : { duration: Math.round(execution.durationMs * 1e6) }),
    },
    organization: { id: tenant },
    ...(record.server === undefined ? {} : { service: { name: record.server, type: 'mcp' } }),
    ...(who ? { user: { id: who.principal, name: who.principal, ...(who.groups ? { roles: who.groups } : {}) } } : {}),
    ...(what
      ? { gen_ai: { tool: { name: what.tool, ...(record.callId ? { call: { id: record.callId } } : {}) } } }
      : {}),
    ...ruleOf(decision),
    ...(trace ? { trace: { id: trace.traceId }, span: { id: trace.spanId } } : {}),
  }
}

/** The first rule that had a say; there is room for one. */
function ruleOf(decision: ExportedRecord['sealed']['record']['decision']): JsonObject {
  const [rule] = decision?.rules ?? []
  return decision && rule ? { rule: { name: rule.rule, ruleset: rule.policy, version: decision.policyRevision } } : {}
}
