import { CountersignError, errorRow, type Principal, verbs } from '@countersign/contracts'
import { type Answer, isUnacknowledged } from '../check/evidence.ts'
import type { Cluster } from '../harness/cluster.ts'
import type { ToolName } from '../harness/tools.ts'
import { ask, type Asked, cancel } from './ask.ts'

/** One call of the load: what is asked, and what its people and its caller do about it. */
export interface CallPlan {
  n: number
  tool: ToolName
  /** Its arguments, and with a tool that repeats them its result, are too large for an event. */
  large?: boolean
  /** With a key the caller asks again when no answer came; without, it never does. */
  key?: string
  /** `approve` and `reject` when it is held, `expire`: nobody votes; `cancel`: withdrawn soon after it was asked; `resolve`: ruled on. */
  sequel: 'wait' | 'approve' | 'reject' | 'expire' | 'cancel' | 'resolve'
  /** Which gateway is asked first. */
  gateway: number
}

export const approver: Principal = { id: 'approver', tenant: 'default', groups: ['approvers'] }
export const operator: Principal = { id: 'operator', tenant: 'default', groups: ['operators'] }

/** Over the 256 KiB that an event may carry. */
const largeLength = 300_000
const patienceMs = 120_000
const pauseMs = 150
/** Policy answers people within this, or another replica is asked. */
const answerMs = 2000
const cancelAfterMs = 60
/** A withdrawal that comes before its request was taken up is nothing to its gateway: it is sent again while nobody answers. */
const cancelAgainMs = 1000

/**
 * Sees one call through, with everybody who has a part in it, until its caller was told how it ended or can do no more.
 *
 * @param askedBefore how often it was asked for already
 */
export async function driveCall(cluster: Cluster, plan: CallPlan, askedBefore = 0): Promise<Answer> {
  const deadline = Date.now() + patienceMs
  let asked = askedBefore
  let answer: Answer
  for (;;) {
    answer = await askOnce(cluster, plan, ++asked)
    if (!mayAskAgain(answer) || plan.key === undefined || Date.now() > deadline) break
    await pause()
  }
  // What the store may not have taken cannot be asked about: there may be no such call.
  const callId = answer.kind === 'result' && !isUnacknowledged(answer) ? answer.callId : undefined
  if (callId === undefined) return answer
  if (answer.kind === 'result' && answer.status === 'pending') await vote(cluster, plan, callId, deadline)
  if (answer.kind === 'result' && answer.status === 'unknown' && plan.sequel === 'resolve') {
    await resolve(cluster, callId, deadline)
  }
  while (!hasEnded(answer) && Date.now() < deadline) {
    await pause()
    answer = await askStatus(cluster, plan, callId)
  }
  return answer
}

/** How the text of a large call begins: there and in no other call. */
export function markOfLarge(n: number): string {
  return `large call ${n} `
}

function textOfLarge(n: number): string {
  return markOfLarge(n).padEnd(largeLength, 'x')
}

/**
 * Asks for a call once, and waits for what the gateway says to it first.
 *
 * @param asked how often it was asked for, with this time
 */
export async function askOnce(
  cluster: Cluster,
  { n, tool, large, key, sequel, gateway }: CallPlan,
  asked: number,
): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const withdraw = (id: number, afterMs: number) => {
    timer = setTimeout(() => {
      void cancel(request, id)
      withdraw(id, cancelAgainMs)
    }, afterMs)
  }
  const request: Asked = {
    url: cluster.gateways[(gateway + asked - 1) % cluster.gateways.length]!,
    token: cluster.state.tokens.agent,
    name: tool,
    arguments: { n, text: large ? textOfLarge(n) : `call ${n}` },
    key,
    progress: sequel === 'cancel',
    ...(sequel === 'cancel' ? { onSent: (id: number) => withdraw(id, cancelAfterMs) } : {}),
  }
  const answer = await ask(request)
  clearTimeout(timer)
  cluster.told.push({ n, tool, key, asked, answer })
  return answer
}

async function askStatus(cluster: Cluster, { n, tool, key, gateway }: CallPlan, callId: string): Promise<Answer> {
  const { gateways, state } = cluster
  const url = gateways[(gateway + Math.floor(Date.now() / 1000)) % gateways.length]!
  const name = 'countersign_call_status'
  const answer = await ask({ url, token: state.tokens.agent, name, arguments: { callId } })
  // It was asked for before, so what is said about it is about a call that is there.
  cluster.told.push({ n, tool, key: key ?? 'asked later', asked: 2, answer })
  return answer
}

async function vote(cluster: Cluster, { sequel }: CallPlan, callId: string, deadline: number): Promise<void> {
  if (sequel !== 'approve' && sequel !== 'reject') return
  const bus = await cluster.bus('console')
  await untilDone(deadline, async () => {
    const { digest } = await bus.callApi(verbs.policy.approval, { viewer: approver, callId }, answerMs)
    await bus.callApi(verbs.policy.vote, { voter: approver, callId, decision: sequel, digest }, answerMs)
  })
}

async function resolve(cluster: Cluster, callId: string, deadline: number): Promise<void> {
  const bus = await cluster.bus('console')
  const ruling = { operator, callId, outcome: 'ran', evidence: 'the log of the server' } as const
  await untilDone(deadline, () => bus.callApi(verbs.policy.resolve, ruling, answerMs))
}

/** Tries until it is done, or until it is plain that it has been: an answer may get lost with who gave it. */
async function untilDone(deadline: number, work: () => Promise<unknown>): Promise<void> {
  while (Date.now() < deadline) {
    try {
      await work()
      return
    } catch (error) {
      // Not known any more: it has ended and was purged.
      const done = ['already_voted', 'approval_ended', 'unknown_approval', 'not_unknown'] as const
      if (error instanceof CountersignError && done.some((code) => code === error.code)) return
      await pause()
    }
  }
}

function mayAskAgain(answer: Answer): boolean {
  if (answer.kind === 'result') return answer.code === 'store_full' || answer.code === 'store_unavailable'
  return answer.kind === 'none' || errorRow(answer.code).retryable
}

function hasEnded(answer: Answer): boolean {
  return answer.kind === 'result'
    ? answer.status !== 'pending' && answer.status !== 'running'
    : // A call that was denied outright is one of a tool that does not exist for its caller (I10), also when it is asked for later.
      answer.kind === 'error' && answer.code === 'unknown_tool'
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pauseMs))
}
