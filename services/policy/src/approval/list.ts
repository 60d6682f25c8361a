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
/** Waiting calls in one answer. */
const maxListed = 500

/**
 * What waits for people. The truth is the stream, asked each time; only that a call has ended, which never changes, is
 * remembered (I12).
 */
export class Approvals {
  readonly #context: Pick<PolicyContext, 'bus' | 'log' | 'now'>
  #ended = new Set<string>()

  constructor(context: Pick<PolicyContext, 'bus' | 'log' | 'now'>) {
    this.#context = context
  }

  /** Answers `api.policy.approvals`: what the viewer may vote on, or with `all` everything of their tenant; oldest first. */
  async list(viewer: Principal, all: boolean): Promise<ApprovalView[]> {
    const waiting = await this.#waiting(viewer.tenant)
    const now = this.#context.now()
    return waiting
      .filter((view) => all || checkVote(view, { voter: viewer, digest: view.digest }, now) === undefined)
      .toSorted((a, b) => a.heldAt.localeCompare(b.heldAt))
      .slice(0, maxListed)
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

  async #waiting(tenant: string): Promise<ApprovalView[]> {
    const { subjects: counts } = await this.#context.bus.streamInfo('CALLS', subjects.callEvents('held'))
    const held = Object.keys(counts).flatMap((subject) => parseCallSubject(subject) ?? [])
    // What audit has purged need not be remembered any longer.
    this.#ended = new Set(held.map(({ callId }) => callId).filter((callId) => this.#ended.has(callId)))
    const open = held.filter((at) => at.tenant === tenant && !this.#ended.has(at.callId))
    const views: ApprovalView[] = []
    const readers = Array.from({ length: concurrency }, async () => {
      for (let at = open.pop(); at; at = open.pop()) {
        const history = await this.#read(at)
        const view = history?.waiting ? approvalView(history) : undefined
        if (view) views.push(view)
        // A replica of the store that lags may not have the hold yet: that is no end.
        else if (!history || history.find('held')) this.#ended.add(at.callId)
      }
    })
    await Promise.all(readers)
    return views
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
