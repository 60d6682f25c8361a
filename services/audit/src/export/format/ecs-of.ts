import type { JsonObject } from '@countersign/contracts'
import type { ExportedRecord } from '../open-entry.ts'
import { factsOf } from './facts-of.ts'
import { eventOf } from './without-content.ts'

/** The version of the Elastic Common Schema whose fields these are. */
export const ecsVersion = '9.4.0'

/** What kind of thing an event is, in the words of ECS. */
interface Kind {
  category: string[]
  type: string[]
}

const calls: Readonly<Record<string, Kind>> = Object.fromEntries(
  Object.entries({
    requested: ['start'],
    allowed: ['allowed'],
    denied: ['denied', 'end'],
    dispatched: ['access'],
    succeeded: ['end'],
    failed: ['end'],
    unknown: ['end'],
    cancelled: ['end'],
  }).map(([event, type]) => [event, { category: ['api'], type }]),
)
const signIn = { category: ['authentication'], type: ['start'] }
const configured = (type: string): Kind => ({ category: ['configuration'], type: [type] })
const kept: Kind = { category: ['api'], type: ['access', 'denied'] }

const activities: Readonly<Record<string, Kind>> = {
  ...{ signed_in: signIn, sign_in_refused: signIn, token_refused: signIn, caller_refused: signIn },
  ...{ access_refused: kept, calls_refused: kept, audit_read: { category: ['api'], type: ['access'] } },
  ...{ policies_changed: configured('change'), policies_refused: configured('change') },
  ...{ exports_changed: configured('change'), exports_refused: configured('change') },
  ...{ hold_placed: configured('creation'), hold_lifted: configured('deletion') },
}
const otherCall: Kind = { category: ['api'], type: ['info'] }
const otherActivity: Kind = { category: ['api'], type: ['admin', 'change'] }

/** A record in the fields of the Elastic Common Schema; `event.original` is the sealed record itself. */
export function ecsOf(exported: ExportedRecord): JsonObject {
  const { id, tenant, index, text, sealed } = exported
  const { record, leafHash } = sealed
  const { event, who, what, execution, decision } = record
  const { time, result, reason, summary, trace, address, counted } = factsOf(exported)
  const kind = what ? (calls[event] ?? otherCall) : (activities[event] ?? otherActivity)
  return {
    '@timestamp': time,
    ecs: { version: ecsVersion },
    message: summary,
    event: {
      kind: 'event',
      ...kind,
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
      ...(counted ? { start: counted.since, end: counted.until } : {}),
    },
    ...(eventOf(exported) ? {} : { tags: ['cut'] }),
    ...(address === undefined ? {} : { source: { ip: address } }),
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
