import {
  type ApprovalView,
  type CallAddress,
  type History,
  MalformedEvent,
  parseCallSubject,
  type Principal,
  subjects,
} from '@countersign/contracts'
import type { PolicyContext } from '../call/context.ts'
import { approvalView } from './approval-view.ts'
import { checkVote } from './check-vote.ts'
import { unknownApproval } from './unknown-approval.ts'

/** Histories read at once. */
const concurrency = 16
/** Waiting calls in one answer, and the bytes they may take: well below what the bus carries. One is listed however large it is. */
const maxListed = 500
const maxListedBytes = 2 * 1024 * 1024

/** What a viewer has to decide about. */
export interface ApprovalList {
  approvals: ApprovalView[]
  /** More may wait than one answer holds. */
  more: boolean
}

/**
 * What waits for people. The truth is the stream, asked each time; only what never changes is remembered: that a call has ended,
 * which groups decide about it, and where its hold stands in the stream (I12).
 */
export class Approvals {
  readonly #context: Pick<PolicyContext, 'bus' | 'log' | 'now'>
  #ended = new Set<string>()
  #groups = new Map<string, readonly string[]>()
  #heldSeqs = new Map<string, number>()

  constructor(context: Pick<PolicyContext, 'bus' | 'log' | 'now'>) {
    this.#context = context
  }

  /** Answers `api.policy.approvals`: what the viewer may vote on, or with `all` everything of their tenant; oldest first. */
  async list(viewer: Principal, all: boolean): Promise<ApprovalList> {
    const open = await this.#open(viewer.tenant)
    const mayConcern = ({ callId }: CallAddress) =>
      all || (this.#groups.get(callId)?.some((group) => viewer.groups.includes(group)) ?? true)
    const left = await this.#oldestFirst(open.filter(mayConcern))
    const approvals: ApprovalView[] = []
    let bytes = 0
    // A few at a time, so that a viewer with much to do is answered without reading what does not fit.
    while (left.length > 0) {
      const views = await Promise.all(left.splice(0, concurrency).map((at) => this.#look(at)))
      for (const view of views.filter((each) => each !== undefined)) {
        const now = this.#context.now()
        if (!all && checkVote(view, { voter: viewer, digest: view.digest }, now) !== undefined) continue
        bytes += Buffer.byteLength(JSON.stringify(view))
        const fits = approvals.length < maxListed && bytes <= maxListedBytes
        if (!fits && approvals.length > 0) return { approvals, more: true }
        approvals.push(view)
      }
    }
    return { approvals, more: false }
  }

  /**
   * Answers `api.policy.approval`: one held call, waiting or not, for who may vote on it, who asked for it, or with `all` anybody of
   * the tenant.
   *
   * @throws CountersignError `unknown_approval`
   */
  async one(viewer: Principal, callId: string, all: boolean): Promise<ApprovalView> {
    const view = approvalView(await this.#context.bus.history({ tenant: viewer.tenant, server: '*', callId }))
    const concerns = (groups: readonly string[]) => groups.some((group) => viewer.groups.includes(group))
    if (!view || !(all || view.principal === viewer.id || concerns(view.groups))) {
      throw unknownApproval(callId)
    }
    return view
  }

  /** Where calls of a tenant are held, leaving out those known to have ended. */
  async #open(tenant: string): Promise<CallAddress[]> {
    const { subjects: counts } = await this.#context.bus.streamInfo('CALLS', subjects.callEvents('held'))
    const held = Object.keys(counts).flatMap((subject) => parseCallSubject(subject) ?? [])
    // What audit has purged need not be remembered any longer.
    const present = new Set(held.map(({ callId }) => callId))
    for (const known of [this.#ended, this.#groups, this.#heldSeqs])
      for (const callId of known.keys()) if (!present.has(callId)) known.delete(callId)
    return held.filter((at) => at.tenant === tenant && !this.#ended.has(at.callId))
  }

  /** Calls in the order they were held in. Their ids do not tell: that of a call with an idempotency key is a hash. */
  async #oldestFirst(held: CallAddress[]): Promise<CallAddress[]> {
    const unknown = held.filter(({ callId }) => !this.#heldSeqs.has(callId))
    while (unknown.length > 0) {
      await Promise.all(
        unknown.splice(0, concurrency).map(async (at) => {
          const stored = await this.#context.bus.lastStored('CALLS', subjects.call(at, 'held'))
          if (stored) this.#heldSeqs.set(at.callId, stored.seq)
        }),
      )
    }
    // A replica of the store that lags lacks the newest.
    const seqOf = ({ callId }: CallAddress) => this.#heldSeqs.get(callId) ?? Number.MAX_SAFE_INTEGER
    return held.toSorted((a, b) => seqOf(a) - seqOf(b))
  }

  /** Looks at one held call; undefined when it does not wait any more. */
  async #look(at: CallAddress): Promise<ApprovalView | undefined> {
    const history = await this.#read(at)
    const view = history?.waiting ? approvalView(history) : undefined
    if (view) this.#groups.set(at.callId, view.groups)
    // A replica of the store that lags may not have the hold yet: that is no end.
    else if (!history || history.find('held')) this.#ended.add(at.callId)
    return view
  }

  /** A call's history; undefined for one with an event that is none, which must not hide the calls beside it. */
  async #read(at: CallAddress): Promise<History | undefined> {
    try {
      return await this.#context.bus.history(at)
    } catch (error) {
      if (!(error instanceof MalformedEvent)) throw error
      this.#context.log.error({ callId: at.callId, err: error }, 'a held call cannot be read, so nobody can vote on it')
      return undefined
    }
  }
}
