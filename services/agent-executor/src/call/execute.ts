import { type Bus, encode } from '@countersign/bus'
import { type Allowed, canonicalJson, subjects, type ToolDefinition } from '@countersign/contracts'
import type { UpstreamOutcome } from '@countersign/mcp'
import type { Dialed } from '../upstream/dial.ts'

/**
 * Sends the call to its tool server: the approved text of the arguments, byte for byte (I3). Progress goes back to the gateway
 * that waits.
 *
 * @param definition the pinned definition that the grant was verified against, for the headers that the tool asks for
 * @param signal aborted when the caller withdraws
 */
export async function execute(
  bus: Bus,
  dialed: Dialed,
  allowed: Allowed,
  call: {
    argumentsText: string
    definition: ToolDefinition | undefined
    traceparent: string | undefined
    signal: AbortSignal
  },
): Promise<UpstreamOutcome> {
  const down = subjects.midcall(allowed.replyTo, allowed.callId, 'down')
  const outcome = await dialed.upstream.callTool({
    name: allowed.tool,
    argumentsText: call.argumentsText,
    inputSchema: call.definition?.inputSchema,
    timeoutMs: dialed.limits.callTimeoutMs,
    traceparent: call.traceparent,
    signal: call.signal,
    onProgress: (progress) => bus.hint(down, encode(progress)),
  })
  return clean(outcome)
}

/** What may go into an event, and has a canonical form; the connection took the secrets out (I9). */
function clean(outcome: UpstreamOutcome): UpstreamOutcome {
  if (outcome.kind === 'rpc-error') {
    const { code, message } = outcome.error
    return { ...outcome, error: { code, message } }
  }
  if (outcome.kind !== 'result') return outcome
  try {
    canonicalJson(outcome.result)
  } catch (error) {
    return { kind: 'invalid-result', message: (error as Error).message }
  }
  return outcome
}
