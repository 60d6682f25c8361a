import type { Bus } from '@countersign/bus'
import {
  CallId,
  CountersignError,
  isJsonObject,
  type Json,
  type JsonObject,
  type Principal,
} from '@countersign/contracts'
import type { VisibleTools } from '../catalog/visible-tools.ts'
import { newsOf } from './outcome-board.ts'
import { reply, runningResult } from './reply.ts'

/**
 * Answers `countersign_call_status`, from the history and so on any replica.
 *
 * @throws CountersignError `invalid_params`, or `unknown_call` for another caller's call and for one that never was
 */
export async function callStatus(
  { bus, visible: visibleTools }: { bus: Bus; visible: VisibleTools },
  principal: Principal,
  args: Json | undefined,
): Promise<JsonObject> {
  const asked = isJsonObject(args) ? (args.callId ?? args.call_id) : undefined
  const callId = CallId.safeParse(asked)
  if (!callId.success)
    throw new CountersignError('invalid_params', 'callId must be the id of an earlier call, as its answer gave it')
  const history = await bus.history({ tenant: principal.tenant, server: '*', callId: callId.data })
  const data = history.last?.event.data
  if (!data || data.principal !== principal.id) {
    throw new CountersignError(
      'unknown_call',
      'there is no such call of yours, or it is so long ago that only the audit log knows it',
    )
  }
  const context = {
    callId: callId.data,
    name: data.tool,
    visible: () => visibleTools.has(principal, data.server, data.tool),
    keyed: history.find('requested')?.data.idempotencyKeyDigest !== undefined,
  }
  const news = newsOf(history)
  if (news) return reply(bus, news, context)
  return runningResult(callId.data, `is ${history.state} and not finished yet`)
}
