import { z } from 'zod'
import { Arguments, Decision, Digest, Instant } from '../call/common.ts'
import { ApprovalTerms } from '../call/events.ts'
import { maxDocumentBytes } from '../documents/max-document-bytes.ts'
import { SealedRecord } from '../record/audit-record.ts'
import { CallProof } from '../record/call-proof.ts'
import { CallId, DnsLabel } from '../subjects.ts'
import {
  AuditQuery,
  CallStory,
  CallView,
  CountAnswer,
  CountQuery,
  Coverage,
  IndexStatus,
  TopAnswer,
  TopQuery,
} from './audit-queries.ts'
import { DocumentProblem } from './document-problem.ts'
import { ExportsView } from './export-view.ts'
import { ErasureView, HoldView, Reason, Subject, SubjectView } from './erasure.ts'
import { apiVerb } from './reply.ts'

/** A person or agent, as the identity library established it. */
export const Principal = z.object({
  id: z.string().min(1).max(256),
  tenant: DnsLabel,
  groups: z.array(z.string()),
})
export type Principal = z.infer<typeof Principal>

export const Vote = z.object({
  approver: z.string(),
  vote: z.enum(['approve', 'reject']),
  at: Instant,
  comment: z.string().optional(),
})

/** A call that waits for people. */
export const ApprovalView = z.object({
  callId: CallId,
  tenant: DnsLabel,
  principal: z.string(),
  server: DnsLabel,
  tool: z.string(),
  digest: Digest,
  arguments: Arguments,
  state: z.enum(['waiting', 'allowed', 'denied', 'cancelled']),
  reason: z.string(),
  ...ApprovalTerms.shape,
  decision: Decision,
  heldAt: Instant,
  votes: z.array(Vote),
})
export type ApprovalView = z.infer<typeof ApprovalView>

/** A policy in force, or one that was refused. */
export const PolicyView = z.object({
  name: z.string(),
  file: z.string(),
  mode: z.enum(['enforce', 'shadow']),
  servers: z.array(z.string()),
  tenants: z.array(z.string()).default(['*']),
  rules: z.array(
    z.object({
      name: z.string(),
      effect: z.enum(['allow', 'deny', 'hold']),
      when: z.string(),
      reason: z.string().optional(),
    }),
  ),
})
export type PolicyView = z.infer<typeof PolicyView>

/** The policies in force with their revision, and what keeps a newer set from being in force. */
export const PoliciesView = z.object({
  revision: z.string().nullable(),
  loadedAt: Instant.nullable(),
  policies: z.array(PolicyView),
  problems: z.array(DocumentProblem),
})
export type PoliciesView = z.infer<typeof PoliciesView>

/** How far audit is, as policy judges it: behind a bound or not to be asked, new calls are refused (I7). */
export const AuditStanding = z.object({
  state: z.enum(['current', 'behind', 'unknown']),
  /** Why new calls are refused. */
  reason: z.string().optional(),
  /** Events that wait to be sealed, when that was last known. */
  events: z.int().optional(),
  /** Age of the oldest of them, in milliseconds. */
  oldestMs: z.int().optional(),
  /** The bounds that are set. */
  maxEvents: z.int(),
  maxAgeMs: z.int(),
})
export type AuditStanding = z.infer<typeof AuditStanding>

/** The verbs services answer each other on the bus (`api.<service>.<verb>`). */
export const verbs = {
  policy: {
    /** Which of a server's tools this principal could be allowed to call with some arguments (I10). */
    visible: apiVerb(
      'policy',
      'visible',
      z.object({ principal: Principal, servers: z.array(DnsLabel) }),
      z.object({ revision: z.string().nullable(), tools: z.record(z.string(), z.array(z.string())) }),
    ),
    approvals: apiVerb(
      'policy',
      'approvals',
      z.object({ viewer: Principal, all: z.boolean().default(false) }),
      z.object({
        /** The oldest first. */
        approvals: z.array(ApprovalView),
        /** More may wait than one answer holds. */
        more: z.boolean().default(false),
      }),
    ),
    approval: apiVerb(
      'policy',
      'approval',
      z.object({ viewer: Principal, callId: CallId, all: z.boolean().default(false) }),
      ApprovalView,
    ),
    vote: apiVerb(
      'policy',
      'vote',
      z.object({
        voter: Principal,
        callId: CallId,
        decision: z.enum(['approve', 'reject']),
        digest: Digest,
        comment: z.string().max(2000).optional(),
      }),
      ApprovalView,
    ),
    resolve: apiVerb(
      'policy',
      'resolve',
      z.object({
        operator: Principal,
        callId: CallId,
        outcome: z.enum(['ran', 'did_not_run']),
        evidence: z.string().min(1).max(4000),
      }),
      z.object({ callId: CallId, state: z.literal('resolved') }),
    ),
    policies: apiVerb('policy', 'policies', z.object({}), PoliciesView),
    /** Whether new calls are taken, as far as audit has a say. */
    status: apiVerb(
      'policy',
      'status',
      z.object({}),
      z.object({
        audit: AuditStanding,
        /** What is not right with policy's own files, and what to do about it. */
        faults: z.array(z.object({ what: z.string(), problem: z.string(), remedy: z.string() })).default([]),
      }),
    ),
    check: apiVerb(
      'policy',
      'check',
      z.object({ files: z.array(z.object({ file: z.string(), text: z.string().max(maxDocumentBytes) })).max(200) }),
      z.object({ problems: z.array(DocumentProblem), policies: z.array(PolicyView) }),
    ),
  },
  lifecycle: {
    /** Makes a quarantined definition the pinned one (I13). */
    accept: apiVerb(
      'lifecycle',
      'accept',
      z.object({ operator: Principal, server: DnsLabel, tool: z.string(), digest: Digest }),
      z.object({ server: DnsLabel, tool: z.string(), digest: Digest }),
    ),
  },
  audit: {
    records: apiVerb(
      'audit',
      'records',
      AuditQuery,
      /** Newest first. `next` is where to go on (as `before`), null at the end; a page may hold fewer than asked for. */
      z.object({ records: z.array(SealedRecord), next: z.int().nullable(), ...Coverage.partial().shape }),
    ),
    /** One row a call, at the place of its newest event or, with `outcome`, of the newest event of that name. */
    calls: apiVerb(
      'audit',
      'calls',
      AuditQuery.extend({
        /** Where the call stands now: the name of its last event. */
        state: z.string().min(1).max(64).optional(),
      }),
      z.object({ calls: z.array(CallView), next: z.int().nullable(), ...Coverage.partial().shape }),
    ),
    /** One call from end to end. */
    story: apiVerb('audit', 'story', z.object({ tenant: DnsLabel, callId: CallId }), CallStory),
    /** How many, over time. */
    counts: apiVerb('audit', 'counts', CountQuery, CountAnswer),
    /** The values that most calls have. */
    top: apiVerb('audit', 'top', TopQuery, TopAnswer),
    /** How far the index is. */
    index: apiVerb('audit', 'index', z.object({ tenant: DnsLabel }), IndexStatus),
    /** Forgets what is indexed of a tenant's log and begins anew; answers at once, and `index` tells how far it is. */
    reindex: apiVerb('audit', 'reindex', z.object({ tenant: DnsLabel }), IndexStatus),
    status: apiVerb(
      'audit',
      'status',
      z.object({ tenant: DnsLabel }),
      /** How far the tenant's log is, with its root hash in base64. */
      z.object({
        size: z.int(),
        root: z.string(),
        lastSeq: z.int(),
        sealedAt: Instant.nullable(),
        /** Why nothing can be recorded just now. */
        problem: z.string().optional(),
        /** How far witnesses have cosigned it since audit started, and why not further; absent where none are asked. */
        witnessed: z.object({ size: z.int(), at: Instant.nullable(), problem: z.string().optional() }).optional(),
        /** What is not right with audit's own files, and what to do about it; of other tenants than the platform's none is told. */
        faults: z.array(z.object({ what: z.string(), problem: z.string(), remedy: z.string() })).default([]),
      }),
    ),
    /** What a file says that proves a call, from an entry of the log on: as many of its events as one answer carries, and where to go on. */
    prove: apiVerb(
      'audit',
      'prove',
      z.object({ tenant: DnsLabel, callId: CallId, from: z.int().nonnegative().default(0) }),
      z.object({ proof: CallProof, next: z.int().nullable() }),
    ),
    /** The exports of a tenant's records, and what keeps documents from being in force. */
    exports: apiVerb('audit', 'exports', z.object({ tenant: DnsLabel }), ExportsView),
    /** Sends what an export set aside again, or forgets it. */
    settleExport: apiVerb(
      'audit',
      'settleExport',
      z.object({ operator: Principal, name: DnsLabel, action: z.enum(['retry', 'discard']) }),
      /** How many dead letters that was. */
      z.object({ name: DnsLabel, deadLetters: z.int().nonnegative() }),
    ),
    /** That the log of today goes on from the one of an earlier checkpoint (RFC 6962 section 2.1.2). */
    consistency: apiVerb(
      'audit',
      'consistency',
      z.object({ tenant: DnsLabel, from: z.int().min(1) }),
      z.object({ from: z.int(), checkpoint: z.string(), proof: z.array(z.string()) }),
    ),
    /** What there is of a subject that could be erased. */
    subject: apiVerb('audit', 'subject', z.object({ operator: Principal, subject: Subject }), SubjectView),
    /** Erases the keys of a subject, and with them the content of its calls. */
    erase: apiVerb('audit', 'erase', z.object({ operator: Principal, subject: Subject, reason: Reason }), ErasureView),
    holds: apiVerb('audit', 'holds', z.object({ operator: Principal }), z.object({ holds: z.array(HoldView) })),
    /** Keeps the content of a subject, of one call, or of the whole tenant (`subject` null) from being erased: one of the three. */
    placeHold: apiVerb(
      'audit',
      'placeHold',
      z.object({
        operator: Principal,
        subject: Subject.nullable().optional(),
        callId: CallId.optional(),
        reason: Reason,
      }),
      HoldView,
    ),
    liftHold: apiVerb(
      'audit',
      'liftHold',
      z.object({ operator: Principal, id: z.int().positive(), reason: Reason }),
      HoldView,
    ),
  },
} as const
