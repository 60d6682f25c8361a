import { z } from 'zod'
import { Instant } from '../call/common.ts'
import { CallId, DnsLabel } from '../subjects.ts'

/** What was acted on: not a call, but a part of Countersign itself. */
export const Resource = z.object({
  type: z.enum([
    'server',
    'tool',
    'policies',
    'session',
    'person',
    'hold',
    'retention',
    'keys',
    'api',
    'log',
    'exports',
    'export',
  ]),
  name: z.string().max(256),
})
export type Resource = z.infer<typeof Resource>

/** What every activity says. */
export const activityFields = {
  /** Whose log it belongs to; what is of no single tenant belongs to the platform's (`COUNTERSIGN_PLATFORM_TENANT`). */
  tenant: DnsLabel,
  resource: Resource,
  /** The person, or the service that did it by itself. */
  by: z.string().max(256),
} as const

const PolicyName = z.string().max(253)

/** Another set of policies is in force. */
export const PoliciesChanged = z.object({
  ...activityFields,
  /** Null: no policy was, or is, in force, so every call is denied. */
  revision: z.object({ before: z.string().nullable(), after: z.string().nullable() }),
  added: z.array(PolicyName),
  changed: z.array(PolicyName),
  removed: z.array(PolicyName),
})
export type PoliciesChanged = z.infer<typeof PoliciesChanged>

/** A set of policies was refused; what was in force stays in force. */
export const PoliciesRefused = z.object({
  ...activityFields,
  inForce: z.string().nullable(),
  /** `file:line:column: message`, the first of them. */
  problems: z.array(z.string()).max(100),
  problemCount: z.int().positive(),
})
export type PoliciesRefused = z.infer<typeof PoliciesRefused>

/** A person uses the console for the first time in a while. */
export const SignedIn = z.object({ ...activityFields, groups: z.array(z.string()), address: z.string().max(64) })
export type SignedIn = z.infer<typeof SignedIn>

/** How often something happened over a while, and from where. */
const countedFields = {
  count: z.int().positive(),
  since: Instant,
  until: Instant,
  /** Where it came from, the first of them. */
  addresses: z.array(z.object({ address: z.string().max(64), count: z.int().positive() })).max(20),
} as const
const targets = z.array(z.string().max(256)).max(20)

/** Tokens that the console refused, counted over a while; neither they nor their hashes are told. */
export const SignInRefused = z.object({ ...activityFields, ...countedFields })
export type SignInRefused = z.infer<typeof SignInRefused>

/** Tokens that the gateway refused, counted over a while; neither they nor their hashes are told. */
export const TokenRefused = SignInRefused

/** A known person was not let in by the gateway, counted over a while. */
export const CallerRefused = SignInRefused.extend({
  /** `unauthenticated`: their token has expired; `forbidden`: they may not call tools. */
  code: z.string().max(64).optional(),
})

/** Calls that were refused before they were stored, counted over a while. */
export const CallsRefused = z.object({
  ...activityFields,
  ...countedFields,
  /** The code of the refusal, of the error table. */
  code: z.string().max(64),
  /** Who asked, the first of them. */
  principals: targets,
})
export type CallsRefused = z.infer<typeof CallsRefused>

/** A known person asked the console for what is not theirs to do, counted over a while; `resource` names the route. */
export const AccessRefused = z.object({
  ...activityFields,
  ...countedFields,
  /** The code of the refusal, of the error table. */
  code: z.string().max(64),
  /** What of the resource it was tried on, e.g. a call id; the first of them. */
  targets,
})
export type AccessRefused = z.infer<typeof AccessRefused>

/** A person read the audit log, counted over a while. */
export const AuditRead = z.object({
  ...activityFields,
  ...countedFields,
  /** `export`: records, to be kept in a file. `calls`: a list of calls, from the index of the log. */
  kind: z.enum(['records', 'export', 'story', 'calls', 'counts', 'top', 'proof', 'consistency', 'subject']),
  /** How many sealed records were handed out; of counts, lists of calls and top-lists none. */
  records: z.int().nonnegative(),
  /** The calls or people that were asked about, where one was; the first of them. */
  targets,
})
export type AuditRead = z.infer<typeof AuditRead>

const withReason = z.object({ ...activityFields, reason: z.string().min(1).max(2000) })

/** The content about a person was made unreadable. */
export const Erased = withReason.extend({
  /** How many keys were erased. */
  keys: z.int().nonnegative().optional(),
})
export type Erased = z.infer<typeof Erased>

const aboutHold = withReason.extend({
  /** Whose records; null: those of the whole tenant. */
  subject: z.string().max(256).nullable().optional(),
  /** There, those of this call only, which is the subject's. */
  callId: CallId.optional(),
})
/** Records were put under legal hold: they are kept whatever the retention says. */
export const HoldPlaced = aboutHold
/** A legal hold ended. */
export const HoldLifted = aboutHold

/** Content was over its time and was made unreadable; `resource` names the kind. */
export const Expired = z.object({
  ...activityFields,
  /** Months before this one, in UTC. */
  before: z.string().regex(/^\d{4}-\d{2}$/),
  keys: z.int().positive(),
})
export type Expired = z.infer<typeof Expired>

/** Keys of subjects were declared lost: what was encrypted with them is unreadable, and the legal holds that lay with them are forgotten. */
export const KeysLost = z.object({
  ...activityFields,
  /** When the newest event that was encrypted with them was stored. */
  until: Instant,
})
export type KeysLost = z.infer<typeof KeysLost>

/** Where an export sends records; of a URL the host alone, because the rest may be a secret. */
const ExportTold = z.object({
  name: DnsLabel,
  type: z.string().max(64),
  host: z.string().max(300),
  /** Whether it is sent what is personal opened. */
  personal: z.enum(['sealed', 'open']),
})

/** Other exports are in force. */
export const ExportsChanged = z.object({
  ...activityFields,
  added: z.array(ExportTold).max(100),
  changed: z.array(ExportTold).max(100),
  removed: z.array(DnsLabel).max(100),
})
export type ExportsChanged = z.infer<typeof ExportsChanged>

/** Documents of exports were refused; what their files said before stays in force. */
export const ExportsRefused = z.object({
  ...activityFields,
  /** `file:line:column: message`, the first of them. */
  problems: z.array(z.string()).max(100),
  problemCount: z.int().positive(),
})
export type ExportsRefused = z.infer<typeof ExportsRefused>

/** An operator decided about what the target of an export had refused for good; `resource` names the export. */
export const DeadLettersSettled = z.object({
  ...activityFields,
  deadLetters: z.int().positive(),
  /** Indexes in the log of the tenant, the first of them. */
  records: z.array(z.object({ first: z.int().nonnegative(), last: z.int().nonnegative() })).max(100),
})
export type DeadLettersSettled = z.infer<typeof DeadLettersSettled>

export type ActivityWriter = 'gateway' | 'policy' | 'console' | 'audit'

/** What is done to Countersign itself: who writes what. Bus permissions, proto and records come from it. */
export const activityEvents = {
  policies_changed: row('policy', 'succeeded', PoliciesChanged, 'Another set of policies is in force.'),
  policies_refused: row('policy', 'refused', PoliciesRefused, 'A set of policies was refused, and why.'),
  signed_in: row('console', 'succeeded', SignedIn, 'A person uses the console, for the first time in a while.'),
  sign_in_refused: row('console', 'refused', SignInRefused, 'Tokens that the console refused, counted.'),
  token_refused: row('gateway', 'refused', TokenRefused, 'Tokens that the gateway refused, counted.'),
  caller_refused: row('gateway', 'refused', CallerRefused, 'A known person was not let in, counted.'),
  calls_refused: row('gateway', 'refused', CallsRefused, 'Calls that were refused before they were stored, counted.'),
  access_refused: row('console', 'refused', AccessRefused, 'A person tried what is not theirs to do, counted.'),
  audit_read: row('console', 'succeeded', AuditRead, 'A person read the audit log or exported it, counted.'),
  erased: row('audit', 'succeeded', Erased, 'The content about a person was made unreadable.'),
  hold_placed: row('audit', 'succeeded', HoldPlaced, 'Records were put under legal hold.'),
  hold_lifted: row('audit', 'succeeded', HoldLifted, 'A legal hold ended.'),
  expired: row('audit', 'succeeded', Expired, 'Content was over its time and was made unreadable.'),
  keys_lost: row('audit', 'succeeded', KeysLost, 'Keys of subjects were declared lost, and with them content.'),
  exports_changed: row('audit', 'succeeded', ExportsChanged, 'Other exports are in force.'),
  exports_refused: row('audit', 'refused', ExportsRefused, 'Documents of exports were refused, and why.'),
  dead_letters_retried: row(
    'audit',
    'succeeded',
    DeadLettersSettled,
    'An operator had an export send again what its target had refused.',
  ),
  dead_letters_discarded: row(
    'audit',
    'succeeded',
    DeadLettersSettled,
    'An operator had an export forget what its target had refused.',
  ),
} as const

function row<S extends z.ZodType>(writer: ActivityWriter, status: 'succeeded' | 'refused', schema: S, meaning: string) {
  return { writer, status, schema, meaning }
}

export type ActivityEventName = keyof typeof activityEvents
export type ActivityEventData<N extends ActivityEventName> = z.infer<(typeof activityEvents)[N]['schema']>

export const activityEventNames = Object.keys(activityEvents) as ActivityEventName[]

/** True for a name of the table. */
export function isActivityEventName(name: string): name is ActivityEventName {
  return Object.hasOwn(activityEvents, name)
}
