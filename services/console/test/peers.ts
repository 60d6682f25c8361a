import type { Bus } from '@countersign/bus'
import {
  type ApprovalView,
  type AuditStanding,
  type AuditRecord,
  type CallView,
  CountersignError,
  digestOf,
  type DocumentProblem,
  type ExportTrouble,
  type ExportView,
  type JsonObject,
  newCallId,
  type PoliciesView,
  type Principal,
  type SealedRecord,
  verbs,
} from '@countersign/contracts'
import { checkPolicies } from '@countersign/policies'

const hour = 3_600_000

/** Policy, as far as the console asks it. */
export class PolicyPeer {
  readonly held = new Map<string, ApprovalView>()
  readonly resolved: { callId: string; operator: Principal; outcome: string; evidence: string }[] = []
  view: PoliciesView = { revision: 'r1', loadedAt: new Date().toISOString(), policies: [], problems: [] }

  faults: { what: string; problem: string; remedy: string }[] = []
  audit: AuditStanding = { state: 'current', events: 0, oldestMs: 0, maxEvents: 50_000, maxAgeMs: 300_000 }

  /** Denies what was approved, as policies do that changed since. */
  deniesApproved = false

  /** Votes are counted at once, but act only then. */
  actsAfterMs = 0

  /** Puts a call on hold. */
  hold(more: Partial<ApprovalView> = {}, args: JsonObject = { path: '/notes.txt', content: 'hello' }): ApprovalView {
    const view: ApprovalView = {
      callId: newCallId(Date.now()),
      tenant: 'default',
      principal: 'agent',
      server: 'files',
      tool: 'write_file',
      digest: digestOf(args),
      arguments: { inline: args },
      state: 'waiting',
      reason: 'writes need a person',
      groups: ['approvers'],
      quorum: 1,
      notRequester: true,
      expiresAt: new Date(Date.now() + hour).toISOString(),
      heldAt: new Date().toISOString(),
      decision: { policyRevision: 'r1', rules: [{ policy: 'files', rule: 'writes', effect: 'hold' }], facts: {} },
      votes: [],
      ...more,
    }
    this.held.set(view.callId, view)
    return view
  }

  serve(bus: Bus): void {
    bus.serveApi(verbs.policy.policies, () => this.view, fail)
    bus.serveApi(verbs.policy.status, () => ({ audit: this.audit, faults: this.faults }), fail)
    bus.serveApi(
      verbs.policy.approvals,
      ({ viewer, all }) => ({ approvals: this.#seen(viewer, all).filter(({ state }) => state === 'waiting') }),
      fail,
    )
    bus.serveApi(verbs.policy.approval, ({ viewer, callId, all }) => this.#find(this.#seen(viewer, all), callId), fail)
    bus.serveApi(verbs.policy.vote, (input) => this.#vote(input), fail)
    bus.serveApi(
      verbs.policy.resolve,
      (input) => {
        if (!this.held.has(input.callId)) throw new CountersignError('unknown_call', 'there is no such call')
        this.resolved.push(input)
        return { callId: input.callId, state: 'resolved' as const }
      },
      fail,
    )
    bus.serveApi(verbs.policy.check, ({ files }) => checkPolicies(files), fail)
  }

  #seen(viewer: Principal, all: boolean): ApprovalView[] {
    return [...this.held.values()].filter(
      ({ tenant, groups, principal, notRequester }) =>
        tenant === viewer.tenant &&
        (all || (groups.some((group) => viewer.groups.includes(group)) && !(notRequester && principal === viewer.id))),
    )
  }

  #find(among: Iterable<ApprovalView>, callId: string): ApprovalView {
    for (const view of among) if (view.callId === callId) return view
    throw new CountersignError('unknown_approval', 'no such call is held; look at the calls')
  }

  #vote({
    voter,
    callId,
    decision,
    digest,
    comment,
  }: {
    voter: Principal
    callId: string
    decision: 'approve' | 'reject'
    digest: string
    comment?: string | undefined
  }) {
    const view = this.#find(
      [...this.held.values()].filter(({ tenant }) => tenant === voter.tenant),
      callId,
    )
    if (view.notRequester && voter.id === view.principal)
      throw new CountersignError('requester_may_not_vote', 'who asked may not vote')
    if (!view.groups.some((group) => voter.groups.includes(group)))
      throw new CountersignError('not_an_approver', 'you are in none of the groups that may vote')
    if (view.state !== 'waiting') throw new CountersignError('approval_ended', `the call is ${view.state} already`)
    if (digest !== view.digest) throw new CountersignError('digest_mismatch', 'the vote is over another digest')
    if (view.votes.some(({ approver }) => approver === voter.id))
      throw new CountersignError('already_voted', 'you have voted already')
    view.votes.push({
      approver: voter.id,
      vote: decision,
      at: new Date().toISOString(),
      ...(comment ? { comment } : {}),
    })
    const act = () => {
      if (decision === 'reject') view.state = 'denied'
      else if (view.votes.length >= view.quorum) view.state = this.deniesApproved ? 'denied' : 'allowed'
    }
    if (this.actsAfterMs === 0) act()
    else setTimeout(act, this.actsAfterMs)
    return view
  }
}

/** Audit, as far as the console asks it: an index over the records given to it. */
export class AuditPeer {
  readonly records: SealedRecord[] = []
  /** What was counted, and how far the index is. */
  readonly asked: unknown[] = []
  indexed = 0
  /** How many of the newest records are sealed and not indexed yet. */
  behind = 0
  /** Why it cannot record. */
  problem: string | undefined
  /** What is wrong with its files, how its witnesses and its index stand. */
  faults: { what: string; problem: string; remedy: string }[] = []
  witnessed: { size: number; at: string | null; problem?: string } | undefined
  indexProblem: string | null = null
  /** Takes what it is asked, and never answers. */
  hangs = false
  /** What it exports, and what it was asked to do with dead letters. */
  exports: ExportView[] = []
  exportProblems: DocumentProblem[] = []
  exportTroubles: ExportTrouble[] = []
  readonly settled: string[] = []

  /** Seals one record. */
  seal(record: AuditRecord): void {
    this.records.push({ index: this.records.length, leafHash: '', record })
  }

  serve(bus: Pick<Bus, 'serveApi'>): void {
    this.#answer({
      serveApi: (verb, handler, onDefect) =>
        bus.serveApi(verb, (input) => (this.hangs ? new Promise(() => {}) : handler(input)), onDefect),
    })
  }

  #answer(bus: Pick<Bus, 'serveApi'>): void {
    this.#serveIndex(bus)
    bus.serveApi(
      verbs.audit.exports,
      () => ({ exports: this.exports, problems: this.exportProblems, troubles: this.exportTroubles }),
      fail,
    )
    bus.serveApi(
      verbs.audit.settleExport,
      ({ operator, name, action }) => {
        const found = this.exports.find((view) => view.name === name)
        if (!found)
          throw new CountersignError(
            'not_found',
            `there is no export ${name}, so nothing was done; there are archive, soc`,
          )
        this.settled.push(`${action} ${operator.tenant} ${name} ${operator.id}`)
        return { name, deadLetters: found.dead }
      },
      fail,
    )
    bus.serveApi(
      verbs.audit.records,
      (query) => {
        const found = this.records
          .filter(
            ({ index, record: { tenant, callId, server, event, cloudEvent } }) =>
              (query.tenant ?? tenant) === tenant &&
              (query.callId ?? callId) === callId &&
              (query.server ?? server) === server &&
              hasNames(cloudEvent, query) &&
              (query.outcome ?? event) === event &&
              index < this.records.length - this.behind &&
              index < (query.size ?? Infinity) &&
              index < (query.before ?? Infinity),
          )
          .toReversed()
        return {
          records: found.slice(0, query.limit),
          next: found.length > query.limit ? found[query.limit - 1]!.index : null,
          size: this.records.length,
          indexed: Math.min(this.records.length - this.behind, query.size ?? Infinity),
        }
      },
      fail,
    )
    bus.serveApi(
      verbs.audit.calls,
      (query) => {
        const found = this.#calls().filter(
          ({ last, passed, call }) =>
            (query.tenant ?? call.tenant) === call.tenant &&
            (query.principal ?? call.principal) === call.principal &&
            (query.server ?? call.server) === call.server &&
            (query.outcome === undefined || passed.has(query.outcome)) &&
            (query.state ?? call.state) === call.state &&
            last < (query.before ?? Infinity),
        )
        return {
          calls: found.slice(0, query.limit).map(({ call }) => call),
          next: found.length > query.limit ? found[query.limit - 1]!.last : null,
        }
      },
      fail,
    )
    bus.serveApi(
      verbs.audit.status,
      () => ({
        size: this.records.length,
        root: '',
        lastSeq: this.records.at(-1)?.record.stream.seq ?? 0,
        sealedAt: null,
        faults: this.faults,
        ...(this.witnessed === undefined ? {} : { witnessed: this.witnessed }),
        ...(this.problem === undefined ? {} : { problem: this.problem }),
      }),
      fail,
    )
  }

  /** What is asked about the index gets an answer that says what was asked. */
  #serveIndex(bus: Pick<Bus, 'serveApi'>): void {
    const coverage = () => ({ size: this.records.length, indexed: this.records.length })
    const status = () => ({
      kind: 'embedded' as const,
      problem: this.indexProblem,
      ...coverage(),
      indexed: this.indexed,
    })
    bus.serveApi(
      verbs.audit.story,
      ({ tenant, callId }) => {
        const call = this.#calls().find(({ call }) => call.callId === callId && call.tenant === tenant)?.call
        if (!call) throw new CountersignError('unknown_call', 'there is no such call')
        const found = this.records.filter(({ record }) => record.callId === callId)
        const steps = found.map(({ index, record: { event, time, storedAt, who, execution } }) => ({
          ...{ index, event, storedAt, who },
          ...(time === undefined ? {} : { time }),
          ...(execution === undefined ? {} : { execution }),
        }))
        const approvals = found.flatMap(({ record: { event, approvals } }) =>
          event === 'voted' ? (approvals ?? []) : [],
        )
        const outcome = found.findLast(({ record }) => record.outcome)?.record.outcome
        const rules = [{ policyRevision: 'r1', policy: 'files', rule: 'writes', effect: 'hold' as const }]
        const agents = ['robot']
        return { call, traceId: 'a'.repeat(32), agents, rules, approvals, outcome, steps, ...coverage() }
      },
      fail,
    )
    bus.serveApi(
      verbs.audit.counts,
      (query) => {
        this.asked.push(query)
        return { total: 3, buckets: [{ at: query.since, total: 3, by: { succeeded: 2, denied: 1 } }], ...coverage() }
      },
      fail,
    )
    bus.serveApi(
      verbs.audit.top,
      (query) => {
        this.asked.push(query)
        return { top: [{ value: 'write_file', server: 'files', calls: 7 }], ...coverage() }
      },
      fail,
    )
    bus.serveApi(verbs.audit.index, status, fail)
    bus.serveApi(
      verbs.audit.reindex,
      () => {
        this.indexed = 0
        setTimeout(() => (this.indexed = this.records.length), 700)
        return status()
      },
      fail,
    )
  }

  #calls(): { last: number; passed: Set<string>; call: CallView }[] {
    const calls = new Map<string, { last: number; passed: Set<string>; call: CallView }>()
    for (const { index, record } of this.records) {
      const { tenant, server, callId, event, storedAt } = record
      if (server === undefined || callId === undefined) continue
      const { tool, principal, digest } = record.cloudEvent.data as Record<'tool' | 'principal' | 'digest', string>
      const { error } = record.cloudEvent.data as { error?: { code: string } }
      const passed = calls.get(callId)?.passed ?? new Set()
      passed.add(event)
      calls.set(callId, {
        last: index,
        passed,
        call: {
          ...{ callId, tenant, server, tool, principal, digest, state: event, updatedAt: storedAt },
          ...(error ? { code: error.code } : {}),
        },
      })
    }
    return [...calls.values()].toSorted((a, b) => b.last - a.last)
  }
}

function hasNames(
  { data }: JsonObject,
  { tool, principal }: { tool?: string | undefined; principal?: string | undefined },
) {
  const has = data as Record<string, unknown>
  return (tool ?? has['tool']) === has['tool'] && (principal ?? has['principal']) === has['principal']
}

/** Lifecycle, as far as the console asks it. */
export class LifecyclePeer {
  readonly accepted: string[] = []

  serve(bus: Bus): void {
    bus.serveApi(
      verbs.lifecycle.accept,
      ({ operator, server, tool, digest }) => {
        if (tool === 'gone') throw new CountersignError('digest_mismatch', 'the server offers another definition now')
        this.accepted.push(`${operator.id} ${server} ${tool} ${digest}`)
        return { server, tool, digest }
      },
      fail,
    )
  }
}

function fail(error: unknown): void {
  throw error as Error
}
