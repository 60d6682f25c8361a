import type { CallStory, SealedRecord } from '@countersign/contracts'
import { indexBehind } from '../audit/index-behind.ts'
import { pagesOfCall, readEvents } from '../audit/story/read-events.ts'
import { showStory } from '../audit/story/show-story.ts'
import { resolveCallId } from '../calls/call-ids.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import { checkArguments, type Invocation } from '../command.ts'
import { count } from '../output/times.ts'

/** Of records as JSON, in characters, what one line may have for a program to read it. */
const maxLength = 256 * 1024 * 1024

/** `countersign audit story <call>`: one call from end to end, as the sealed log tells it. */
export async function auditStory({ args, out, client }: Invocation): Promise<Exit> {
  checkArguments(args, 2, 2, 'audit story')
  const console = await client('operator')
  const callId = await resolveCallId(console, args[1]!, 'all')
  const story = await console.get<CallStory>(`/audit/calls/${callId}`)
  const pages = pagesOfCall(console, callId)
  if (out.forPrograms) {
    out.json({ ...story, records: await allOf(pages, callId) })
    return exits.ok
  }
  const { content, events } = await readEvents(pages)
  showStory(out, story, content, events)
  const after = events.filter(({ index }) => index >= story.indexed && index < story.size).length
  if (after > 0) {
    const rest = `${count(after, 'record')} of this call came after what is told here`
    out.line({ text: `${rest}: countersign audit --call ${callId}`, style: 'warn' })
    return exits.ok
  }
  const behind = indexBehind(story)
  if (behind !== undefined) out.line({ text: behind, style: 'warn' })
  return exits.ok
}

/** Every record of a call, the oldest first. @throws CliError when that is too much for one answer */
async function allOf(pages: AsyncIterable<SealedRecord[]>, callId: string): Promise<SealedRecord[]> {
  const found: SealedRecord[] = []
  let length = 0
  for await (const records of pages) {
    length += JSON.stringify(records).length
    if (length > maxLength) {
      throw new CliError(exits.negative, `the records of this call have more than ${maxLength / 2 ** 20} MiB`, {
        next: `write them to a file with: countersign audit export --call ${callId} --out FILE.jsonl`,
      })
    }
    found.push(...records)
  }
  return found.toReversed()
}
