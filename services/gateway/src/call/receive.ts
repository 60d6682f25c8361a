import { type Bus, NotAcknowledged } from '@countersign/bus'
import {
  type CallEvent,
  CountersignError,
  isJsonObject,
  type JsonObject,
  type Principal,
  type Requested,
} from '@countersign/contracts'
import { modernEra } from '@countersign/mcp'
import { isTraceparent, newTraceparent } from '@countersign/telemetry'
import type { RegistryView } from '@countersign/bus'
import type { VisibleTools } from '../catalog/visible-tools.ts'
import type { Admission } from './admission.ts'
import { AuditGate } from './audit-gate.ts'
import { awaitOutcome } from './await-outcome.ts'
import { cancelCall } from './cancel-call.ts'
import { checkCallHeaders } from './check-call-headers.ts'
import { newsOf, type OutcomeBoard } from './outcome-board.ts'
import { callIdOf, publishRequested } from './publish-requested.ts'
import { neededOf, reply, unacknowledgedResult, unansweredResult } from './reply.ts'
import { resolveTarget, type Target } from './resolve-target.ts'
import type { Refusals } from '../refusals.ts'

/** What the steps of a call work with. */
export interface CallServices {
  bus: Bus
  registry: RegistryView
  visible: VisibleTools
  board: OutcomeBoard
  callTimeoutMs: number
  holdWindowMs: number
  admission: Admission
  auditGate: AuditGate
  refusals: Pick<Refusals, 'token' | 'caller' | 'call'>
}

/** A `tools/call` as the listener hands it over. */
export interface ReceivedCall {
  principal: Principal
  /** Where the request comes from. */
  address: string
  era: Requested['era']
  /** The server of `/mcp/<server>`; undefined on `/mcp`. */
  endpoint: string | undefined
  params: JsonObject | undefined
  /** From the header `Idempotency-Key`; `_meta` may carry it too. */
  idempotencyKey: string | undefined
  /** The value of an HTTP header, by its name. */
  headerOf: (name: string) => string | undefined
  /** Sends progress to the caller; undefined when it asked for none. */
  onProgress: ((progress: JsonObject) => void) | undefined
  /** Aborted when the caller withdraws the call. */
  signal: AbortSignal
}

/** The member of `params._meta` with the caller's idempotency key. */
const idempotencyKeyMeta = 'countersign.dev/idempotencyKey'

/**
 * The path of a call as its caller sees it: resolve the target, check the headers, publish `requested`, await the outcome, reply. What happens in
 * between happens on the bus.
 *
 * @returns the result for the caller
 * @throws CountersignError for what was refused before there was a call
 */
export async function receiveCall(services: CallServices, call: ReceivedCall): Promise<JsonObject> {
  const asked = readParams(call.params)
  const target = resolveTarget(services.registry, call.principal, call.endpoint, asked.name)
  if (call.era === modernEra) {
    await checkCallHeaders(services, call.principal, target, asked.arguments, call.headerOf)
  }
  const leave = await letIn(services, call)
  try {
    return await answerCall(services, call, asked, target)
  } finally {
    leave()
  }
}

/**
 * Refuses a call of a tenant that asks for far more than its share, before more is done for it: what a flood costs is taken from everybody.
 *
 * @throws CountersignError `overloaded`
 */
export function refuseFlood(
  { admission, refusals }: Pick<CallServices, 'admission' | 'refusals'>,
  principal: Principal,
  address: string,
): void {
  const refusal = admission.refusal(principal.tenant)
  if (!refusal) return
  refusals.call(principal, refusal.code, address)
  throw refusal
}

/** Says of a call that is not let in that it was refused: it has no history that would. */
async function letIn(
  { admission, refusals }: CallServices,
  { principal, address, signal }: ReceivedCall,
): Promise<() => void> {
  try {
    return await admission.enter(principal.tenant, signal)
  } catch (error) {
    if (error instanceof CountersignError && error.code !== 'cancelled') refusals.call(principal, error.code, address)
    throw error
  }
}

async function answerCall(
  services: CallServices,
  call: ReceivedCall,
  { name, arguments: args, meta }: ToolParams,
  target: Target,
): Promise<JsonObject> {
  const { bus, board } = services
  const { principal } = call
  const deadlineMs = Date.now() + services.callTimeoutMs
  const idempotencyKey = idempotencyKeyOf(call.idempotencyKey, meta)
  const callId = callIdOf(principal, idempotencyKey, Date.now())
  const at = { tenant: principal.tenant, server: target.server, callId }
  const askedAt = services.auditGate.now()
  const refusal = services.auditGate.refusal()
  // Asked earlier with the same key, it is in the history already and is answered from there.
  if (refusal !== undefined && (idempotencyKey === undefined || !(await bus.history({ ...at, server: '*' })).last)) {
    services.refusals.call(principal, 'audit_behind', call.address)
    throw new CountersignError('audit_behind', refusal)
  }
  const { carried, digest } = await bus.payloads.carry(args, true)
  const request = {
    principal,
    target,
    era: call.era,
    argumentsCarried: carried,
    digest,
    idempotencyKey,
    deadlineMs,
    traceparent: isTraceparent(meta.traceparent) ? meta.traceparent : newTraceparent(),
  }
  const wait = board.wait(at, (progress) => call.onProgress?.(progress))
  const withdraw = () =>
    void cancelCall(bus, at, board.gatewayId, 'the caller withdrew', deadlineMs).catch(() => {
      // Without the bus there is no withdrawing; the deadline ends the call instead.
    })
  call.signal.addEventListener('abort', withdraw, { once: true })
  let told = 0
  let isStored = false
  try {
    const earlier = await publishRequested(bus, callId, request, board.gatewayId)
    isStored = true
    // Withdrawn while it was being stored, when there was nothing to withdraw yet.
    if (call.signal.aborted) withdraw()
    const outcome = await awaitOutcome(
      wait,
      {
        deadlineMs,
        holdWindowMs: call.onProgress ? services.holdWindowMs : 0,
        onHeld: (held) => call.onProgress?.(heldProgress(held, ++told)),
      },
      earlier && newsOf(earlier),
    )
    // What was decided earlier says nothing of now.
    if (!earlier) services.auditGate.learn(outcome, askedAt)
    const visible = () => services.visible.has(principal, target.server, target.tool)
    return await reply(bus, outcome, { callId, name, visible, keyed: idempotencyKey !== undefined })
  } catch (error) {
    const keyed = idempotencyKey !== undefined
    if (error instanceof NotAcknowledged) return unacknowledgedResult(callId, keyed)
    // What failed is the answer: the call is there, and may have run.
    if (isStored && error instanceof CountersignError && error.code !== 'unknown_tool') {
      return unansweredResult(callId, keyed, error)
    }
    throw error
  } finally {
    call.signal.removeEventListener('abort', withdraw)
    wait.done()
  }
}

interface ToolParams {
  name: string
  arguments: JsonObject
  meta: JsonObject
}

function readParams(params: JsonObject | undefined): ToolParams {
  const name = params?.name
  const args = params?.arguments ?? {}
  const meta = params?._meta ?? {}
  if (typeof name !== 'string' || name === '')
    throw new CountersignError('invalid_params', 'tools/call needs the name of a tool')
  if (!isJsonObject(args)) throw new CountersignError('invalid_params', 'the arguments of a tool are a JSON object')
  if (!isJsonObject(meta)) throw new CountersignError('invalid_params', '_meta is a JSON object')
  return { name, arguments: args, meta }
}

function idempotencyKeyOf(header: string | undefined, meta: JsonObject): string | undefined {
  const inMeta = meta[idempotencyKeyMeta]
  if (header !== undefined && inMeta !== undefined && header !== inMeta) {
    throw new CountersignError(
      'invalid_params',
      `the header Idempotency-Key and _meta["${idempotencyKeyMeta}"] differ; send one, or the same in both`,
    )
  }
  const key = header ?? inMeta
  if (key === undefined) return undefined
  if (typeof key !== 'string' || key === '' || key.length > 255) {
    throw new CountersignError('invalid_params', 'an idempotency key is a string of 1 to 255 characters')
  }
  return key
}

/** @param told how often the caller was told before: progress must grow with each notification */
function heldProgress({ data }: CallEvent<'held'>, told: number): JsonObject {
  return { progress: told, message: `Waiting for ${neededOf(data.approval)}: ${data.reason}` }
}
