import type { Bus } from '@countersign/bus'
import { type ApprovalView, callRow, type CallView, type Principal, verbs } from '@countersign/contracts'
import type { z } from 'zod'
import { askAudit, AuditSilent } from './ask-audit.ts'
import type { Place } from './cursor.ts'
import { isOperator } from './may-see.ts'
import { recentCalls } from './recent-calls.ts'

/** What to look for; all filters must match. */
export type CallFilter = Pick<
  z.input<typeof verbs.audit.calls.input>,
  'state' | 'server' | 'tool' | 'principal' | 'agent' | 'rule' | 'approver' | 'text' | 'since' | 'until'
>

/** What a page is of: how many, and where it goes on. */
interface Page {
  limit: number
  place: Place | undefined
}

/** Calls, where the list goes on, and of how much of the log it is. */
interface Listed {
  calls: CallView[]
  next: number | null
  size?: number | undefined
  /** Whether the index of the log was asked. */
  fromLog: boolean
  /** Why these are not all. */
  incomplete?: string
}

/**
 * Lists calls, newest first: all of the tenant for operators; for others their own and, on the first page, the waiting ones
 * they may vote on. Where audit does not answer, the first page is made of what the bus has.
 *
 * @throws AuditSilent for a later page when audit does not answer
 */
export async function listCalls(bus: Bus, viewer: Principal, filter: CallFilter, page: Page): Promise<Listed> {
  try {
    return await listed(bus, viewer, filter, page)
  } catch (error) {
    if (!(error instanceof AuditSilent) || page.place !== undefined) throw error
    const incomplete = error.consequence('only calls that wait, and those of late, are listed')
    return { ...(await ofTheBus(bus, viewer, filter, page.limit)), incomplete }
  }
}

async function listed(bus: Bus, viewer: Principal, filter: CallFilter, page: Page): Promise<Listed> {
  if (isOperator(viewer)) return audited(bus, viewer.tenant, filter, page)
  const behind = page.place === undefined ? await behindApprovals(bus, viewer, filter, false) : []
  if (filter.principal !== undefined && filter.principal !== viewer.id)
    return { calls: behind.slice(0, page.limit), next: null, fromLog: false }
  // At least one of one's own, so that the list goes on.
  const shown = behind.slice(0, page.limit - 1)
  const own = await audited(
    bus,
    viewer.tenant,
    { ...filter, principal: viewer.id },
    { ...page, limit: page.limit - shown.length },
  )
  const ids = new Set(shown.map(({ callId }) => callId))
  return { ...own, calls: [...shown, ...own.calls.filter(({ callId }) => !ids.has(callId))] }
}

async function audited(bus: Bus, tenant: string, filter: CallFilter, { limit, place }: Page): Promise<Listed> {
  const answer = await askAudit(bus, verbs.audit.calls, { tenant, ...filter, limit, ...place })
  return {
    calls: answer.calls.filter((call) => call.tenant === tenant),
    next: answer.next,
    size: answer.indexed,
    fromLog: true,
  }
}

/** What waits, however long, and what the stream has of late. */
async function ofTheBus(bus: Bus, viewer: Principal, filter: CallFilter, limit: number): Promise<Listed> {
  const all = isOperator(viewer)
  const isShown = (call: CallView) =>
    call.tenant === viewer.tenant && (all || call.principal === viewer.id) && matches(call, filter)
  const [waiting, recent] = await Promise.all([
    behindApprovals(bus, viewer, filter, all),
    recentCalls(bus, isShown, limit),
  ])
  const calls = new Map([...waiting, ...recent].map((call) => [call.callId, call]))
  const newestFirst = [...calls.values()].toSorted((a, b) => b.updatedAt.localeCompare(a.updatedAt))
  return { calls: newestFirst.slice(0, limit), next: null, fromLog: false }
}

async function behindApprovals(bus: Bus, viewer: Principal, filter: CallFilter, all: boolean): Promise<CallView[]> {
  const { approvals } = await bus.callApi(verbs.policy.approvals, { viewer, all })
  return approvals
    .filter(({ tenant, state }) => tenant === viewer.tenant && state === 'waiting')
    .map(callOf)
    .filter((call) => matches(call, filter))
    .toSorted((a, b) => b.updatedAt.localeCompare(a.updatedAt))
}

function callOf(approval: ApprovalView): CallView {
  const last = approval.votes.at(-1)
  return callRow(approval, { state: last ? 'voted' : 'held', updatedAt: last?.at ?? approval.heldAt })
}

/** Of what only the log knows nothing is said of a call that waits, so it does not match. */
function matches(call: CallView, { since, until, ...exact }: CallFilter): boolean {
  if (since !== undefined && call.updatedAt < since) return false
  if (until !== undefined && call.updatedAt > until) return false
  return Object.entries(exact).every(([key, value]) => value === undefined || call[key as keyof CallView] === value)
}
