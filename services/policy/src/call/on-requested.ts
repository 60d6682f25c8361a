import { type Delivery, LostRace, Terminal } from '@countersign/bus'
import { decodeEvent, parseCallSubject } from '@countersign/contracts'
import type { PolicyContext } from './context.ts'
import { decide } from './decide.ts'
import { gatherFacts } from './gather-facts.ts'
import { publishVerdict } from './publish-verdict.ts'

/** Handles one `requested`: gather facts, decide, publish the verdict. */
export async function onRequested(context: PolicyContext, { subject, data, seq }: Delivery): Promise<void> {
  const started = performance.now()
  const event = decodeEvent('requested', data)
  const at = parseCallSubject(subject)
  const { callId, tenant, server } = event.data
  if (at?.callId !== callId || at.tenant !== tenant || at.server !== server) {
    throw new Terminal(`the event on ${subject} says it belongs to another call`)
  }
  const verdict = decide(await gatherFacts(context, event.data))
  const seconds = (performance.now() - started) / 1000
  try {
    await publishVerdict(context, event, seq, verdict)
    context.metrics.decided(verdict.effect, verdict.effect === 'deny' ? verdict.code : undefined, seconds)
  } catch (error) {
    // Somebody else decided, or the caller withdrew: the history has it.
    if (!(error instanceof LostRace)) throw error
  }
}
