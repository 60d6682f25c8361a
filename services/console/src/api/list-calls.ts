import type { Bus } from '@countersign/bus'
import {
  type ApprovalView,
  type AuditQuery,
  callRow,
  type CallView,
  type Principal,
  verbs,
} from '@countersign/contracts'
import { isOperator } from './may-see.ts'

/** What to look for; all filters must match. */
export interface CallFilter {
  state?: string | undefined
  server?: string | undefined
  tool?: string | undefined
  principal?: string | undefined
  since?: string | undefined
  until?: string | undefined
}

/** Pages asked of audit for one page with a state: the index finds calls that passed it, not only those that stand there. */
const maxRounds = 8

/**
 * Lists calls, newest first: all of the tenant for operators; for others their own and, on the first page, the waiting ones
 * they may vote on.
 */
export async function listCalls(
  bus: Bus,
  viewer: Principal,
  filter: CallFilter,
  page: { limit: number; before: number | undefined },
): Promise<{ calls: CallView[]; next: number | null }> {
  if (isOperator(viewer)) return audited(bus, viewer.tenant, filter, page)
  const behind = page.before === undefined ? await behindApprovals(bus, viewer, filter) : []
  if (filter.principal !== undefined && filter.principal !== viewer.id)
    return { calls: behind.slice(0, page.limit), next: null }
  // At least one of one's own, so that the list goes on.
  const shown = behind.slice(0, page.limit - 1)
  const own = await audited(
    bus,
    viewer.tenant,
    { ...filter, principal: viewer.id },
    { ...page, limit: page.limit - shown.length },
  )
  const ids = new Set(shown.map(({ callId }) => callId))
  return { calls: [...shown, ...own.calls.filter(({ callId }) => !ids.has(callId))], next: own.next }
}

async function audited(
  bus: Bus,
  tenant: string,
  { state, ...filter }: CallFilter,
  page: { limit: number; before: number | undefined },
): Promise<{ calls: CallView[]; next: number | null }> {
  const calls: CallView[] = []
  let before = page.before
  for (let round = 0; ; round++) {
    const query = { tenant, ...filter, outcome: state, limit: page.limit - calls.length, before }
    const found = await bus.callApi(verbs.audit.calls, defined(query))
    calls.push(...found.calls.filter((call) => call.tenant === tenant && (state === undefined || call.state === state)))
    if (found.next === null || calls.length >= page.limit || round === maxRounds) return { calls, next: found.next }
    before = found.next
  }
}

async function behindApprovals(bus: Bus, viewer: Principal, filter: CallFilter): Promise<CallView[]> {
  const { approvals } = await bus.callApi(verbs.policy.approvals, { viewer, all: false })
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

function matches(call: CallView, { since, until, ...exact }: CallFilter): boolean {
  if (since !== undefined && call.updatedAt < since) return false
  if (until !== undefined && call.updatedAt > until) return false
  return Object.entries(exact).every(([key, value]) => value === undefined || call[key as keyof CallView] === value)
}

function defined(
  query: Record<keyof Pick<AuditQuery, 'tenant' | 'limit'>, unknown> & Record<string, unknown>,
): AuditQuery {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as AuditQuery
}
