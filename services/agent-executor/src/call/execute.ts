import { type Bus, encode } from '@countersign/bus'
import { type Allowed, canonicalJson, type JsonObject, subjects } from '@countersign/contracts'
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
    onProgress: ({ progressToken: _ours, ...progress }: JsonObject) =>
      bus.hint(down, encode(redactSecrets(progress, dialed.secrets))),
  })
  return clean(outcome, dialed.secrets)
}

/** What may go into an event: without our credentials (I9), and with a canonical form. */
function clean(outcome: UpstreamOutcome, secrets: readonly string[]): UpstreamOutcome {
  if (outcome.kind === 'rpc-error') {
    const { code, message } = outcome.error
    return { ...outcome, error: { code, message: String(redactSecrets({ message }, secrets).message) } }
  }
  if (outcome.kind !== 'result') return outcome
  try {
    canonicalJson(outcome.result)
  } catch (error) {
    return { kind: 'garbage', message: (error as Error).message }
  }
  return { kind: 'result', result: redactSecrets(outcome.result, secrets) }
}
