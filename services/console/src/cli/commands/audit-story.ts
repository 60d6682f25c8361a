import type { CallStory, SealedRecord } from '@countersign/contracts'
import { indexBehind } from '../audit/index-behind.ts'
import { resolveCallId } from '../calls/call-ids.ts'
import { type Exit, exits } from '../cli-error.ts'
import type { Client } from '../connect/client.ts'
import { checkArguments, type Invocation } from '../command.ts'
import { contentOfCall } from '../audit/story/content-of-call.ts'
import { showStory } from '../audit/story/show-story.ts'

/** `countersign audit story <call>`: one call from end to end, as the sealed log tells it. */
export async function auditStory({ args, out, client }: Invocation): Promise<Exit> {
  checkArguments(args, 2, 2, 'audit story')
  const console = await client('operator')
  const callId = await resolveCallId(console, args[1]!, 'all')
  const story = await console.get<CallStory>(`/audit/calls/${callId}`)
  const records = await recordsOf(console, callId)
  if (out.forPrograms) {
    out.json({ ...story, records })
    return exits.ok
  }
  showStory(out, story, contentOfCall(records), records)
  const behind = indexBehind(story)
  if (behind !== undefined) out.line({ text: behind, style: 'warn' })
  return exits.ok
}

/** Every record of a call, the oldest first; large ones come in more pages than one. */
async function recordsOf(console: Client, callId: string): Promise<SealedRecord[]> {
  const found: SealedRecord[] = []
  for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
    type Page = { records: SealedRecord[]; next?: string }
    const page: Page = await console.get('/audit/records', { callId, limit: 1000, cursor })
    found.push(...page.records)
    cursor = page.next
  }
  return found.toReversed()
}
