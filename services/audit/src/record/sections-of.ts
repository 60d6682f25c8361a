import {
  type AuditRecordV3,
  callEvents,
  CredentialRef,
  Instant,
  isCallEventName,
  isJsonObject,
  type Json,
  type JsonObject,
  MatchedRule,
} from '@countersign/contracts'
import { z } from 'zod'

/** The members of a record that say the same for every kind of event. */
export type Sections = Pick<
  AuditRecordV3,
  'time' | 'who' | 'what' | 'resource' | 'decision' | 'approvals' | 'execution' | 'outcome'
>

const Credentials = z.array(CredentialRef)
const Rules = z.array(MatchedRule)

/**
 * Reads out of an event of a call what a record says for every kind of event. A member that is not what its schema says is left out: the event
 * itself is sealed as it is, so nothing is lost.
 */
export function sectionsOf(name: string, event: JsonObject): Sections {
  const data = isJsonObject(event['data']) ? event['data'] : {}
  const { time } = event
  return defined({
    time: timeOf(event),
    who: whoOf(event, data),
    what: whatOf(data),
    decision: decisionOf(data['decision']),
    approvals: approvalsOf(name, data, time),
    execution: executionOf(data),
    outcome: outcomeOf(name, data),
  })
}

/** When an event says it was made. */
export function timeOf({ time }: JsonObject): string | undefined {
  return isInstant(time) ? time : undefined
}

function isInstant(value: Json | undefined): value is string {
  return typeof value === 'string' && Instant.safeParse(value).success
}

function whoOf(event: JsonObject, data: JsonObject): Sections['who'] {
  const { principal, groups, delegation, approver, operator } = data
  if (typeof principal !== 'string') return undefined
  const person = text(approver) ?? text(operator)
  return defined({
    principal,
    groups: person === undefined ? texts(groups) : undefined,
    delegation: texts(delegation),
    actor: person ?? (text(event['source']) ?? '').replace(/^\/services\//, ''),
  })
}

function whatOf(data: JsonObject): Sections['what'] {
  const { method, tool, digest, definitionDigest } = data
  if (typeof method !== 'string' || typeof tool !== 'string' || typeof digest !== 'string') return undefined
  const claimed = claimsOf(data)['definitionDigest']
  return defined({ method, tool, digest, definitionDigest: text(definitionDigest) ?? text(claimed) })
}

function decisionOf(decision: Json | undefined): Sections['decision'] {
  if (!isJsonObject(decision)) return undefined
  const { policyRevision, rules, facts } = decision
  if (typeof policyRevision !== 'string' || !Rules.safeParse(rules).success || !isJsonObject(facts)) return undefined
  return decision as unknown as Sections['decision']
}

function approvalsOf(name: string, data: JsonObject, time: Json | undefined): Sections['approvals'] {
  if (name === 'voted') {
    const { approver, digest, vote } = data
    const valid = typeof approver === 'string' && typeof digest === 'string' && isInstant(time)
    if (!valid || (vote !== 'approve' && vote !== 'reject')) return undefined
    return [{ approver, at: time, digest, vote }]
  }
  const { approvals } = claimsOf(data)
  if (!Array.isArray(approvals)) return undefined
  return approvals.filter(isJsonObject).flatMap(({ approver, at, digest }) => {
    if (typeof approver !== 'string' || !isInstant(at) || typeof digest !== 'string') return []
    return [{ approver, at, digest, vote: 'approve' as const }]
  })
}

function claimsOf({ grant }: JsonObject): JsonObject {
  return isJsonObject(grant) && isJsonObject(grant['claims']) ? grant['claims'] : {}
}

function executionOf({ executor, attempt, durationMs, credentials }: JsonObject): Sections['execution'] {
  const execution = defined({
    executor: text(executor),
    attempt: Number.isSafeInteger(attempt) ? number(attempt) : undefined,
    durationMs: number(durationMs),
    credentials: credentialsOf(credentials),
  })
  return Object.keys(execution).length === 0 ? undefined : execution
}

function credentialsOf(credentials: Json | undefined): NonNullable<Sections['execution']>['credentials'] {
  // Most events have none, and a schema that refuses costs more than one that takes.
  if (credentials === undefined) return undefined
  const parsed = Credentials.safeParse(credentials)
  return parsed.success ? parsed.data : undefined
}

function outcomeOf(status: string, data: JsonObject): Sections['outcome'] {
  if (!isCallEventName(status) || !callEvents[status].final) return undefined
  const cause = data['error'] ?? data['reason']
  const { code, message } = isJsonObject(cause) ? cause : {}
  const { toolError } = data
  return defined({
    status,
    reason: typeof code === 'string' && typeof message === 'string' ? { code, message } : undefined,
    toolError: typeof toolError === 'boolean' ? toolError : undefined,
    resultDigest: text(data['resultDigest']),
    ruling: text(data['outcome']),
    evidence: text(data['evidence']),
  })
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function number(value: Json | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}

export function texts(value: Json | undefined): string[] | undefined {
  return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value : undefined
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** Leaves out members that are undefined. */
export function defined<T extends object>(members: T): Defined<T> {
  const result: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(members)) if (value !== undefined) result[key] = value
  return result as Defined<T>
}
