import { type Bus, encode } from '@countersign/bus'
import { type Allowed, type JsonObject, subjects } from '@countersign/contracts'
import type { UpstreamOutcome } from '@countersign/mcp'
import type { Dialed } from '../upstream/dial.ts'
import { redactSecrets } from '../upstream/redact.ts'

/**
 * Sends the call to its tool server: the approved text of the arguments, byte for byte (I3). Progress goes back to the gateway
 * that waits.
 *
 * @param signal aborted when the caller withdraws
 */
export async function execute(
  bus: Bus,
  dialed: Dialed,
  allowed: Allowed,
  call: { argumentsText: string; traceparent: string | undefined; signal: AbortSignal },
): Promise<UpstreamOutcome> {
  const down = subjects.midcall(allowed.replyTo, allowed.callId, 'down')
  const outcome = await dialed.upstream.callTool({
    name: allowed.tool,
    argumentsText: call.argumentsText,
    timeoutMs: dialed.limits.callTimeoutMs,
    traceparent: call.traceparent,
    signal: call.signal,
    onProgress: ({ progressToken: _ours, ...progress }: JsonObject) => bus.hint(down, encode(progress)),
  })
  return outcome.kind === 'result' ? { kind: 'result', result: redactSecrets(outcome.result, dialed.secrets) } : outcome
}
