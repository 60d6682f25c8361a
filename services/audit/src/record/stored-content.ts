import { getHeapStatistics } from 'node:v8'
import { type Bus, ContentLost } from '@countersign/bus'
import { isJsonObject, type Json, type JsonObject, PayloadRef } from '@countersign/contracts'
import { z } from 'zod'
import { canonicalText } from './canonical-text.ts'

/** Content that an event names because it is too large for it, and that is sealed in its place. */
export interface FetchedContent {
  part: keyof typeof storedParts
  /** Its RFC 8785 form. */
  text: string
}

/** Content that an event names and that will not be had any more. */
export interface LostContent extends Pick<FetchedContent, 'part'> {
  seq: number
  why: string
}

/** The parts of an event's data that travel by reference when they are large, and where the event says their digest besides. */
const storedParts = { arguments: 'digest', result: 'resultDigest' } as const
/** Nothing beside it: whoever reads an event with both takes what is inside it. */
const Reference = z.strictObject({ stored: z.strictObject(PayloadRef.shape) })
/**
 * Callers and tools may be allowed 64 MiB; more than twice that is none of ours, and stays where it is. So does what would not fit into the memory
 * of this process, because sealing takes up to twenty times its size: one event is not to end audit again and again.
 */
const maxBytes = Math.min(128 * 1024 * 1024, Math.floor(getHeapStatistics().heap_size_limit / 20))
/** In every event that names content, and in few others. */
const mark = Buffer.from('"stored"')
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Fetches what an event names, one after the other; most events name nothing, and are not parsed.
 *
 * @param data a stored message of a call
 * @returns with what is lost: its event is sealed with the reference
 * @throws CountersignError `store_unavailable`: then the event is not to be sealed yet
 */
export async function fetchContents(
  payloads: Pick<Bus['payloads'], 'read'>,
  { data, seq }: { data: Uint8Array; seq: number },
): Promise<{ contents: FetchedContent[]; lost: LostContent[] }> {
  const contents: FetchedContent[] = []
  const lost: LostContent[] = []
  for (const { part, stored, isSaid } of referencesIn(data)) {
    try {
      if (!isSaid) throw new ContentLost(stored.ref, 'is named by another digest than its event has')
      contents.push({ part, text: textOf(stored.ref, await payloads.read(stored, maxBytes)) })
    } catch (error) {
      if (!(error instanceof ContentLost)) throw error
      lost.push({ seq, part, why: error.why })
    }
  }
  return { contents, lost }
}

/** Puts content where an event names it, in place. */
export function withContents(event: Json, contents: readonly FetchedContent[]): Json {
  const data = isJsonObject(event) ? event['data'] : undefined
  if (isJsonObject(data)) for (const { part, text } of contents) data[part] = { inline: JSON.parse(text) as JsonObject }
  return event
}

/** What an event names, and whether by the digest that it says besides, which everybody else goes by. */
function referencesIn(data: Uint8Array): { part: FetchedContent['part']; stored: PayloadRef; isSaid: boolean }[] {
  if (!Buffer.from(data.buffer, data.byteOffset, data.byteLength).includes(mark)) return []
  const said = dataOf(data)
  return (['arguments', 'result'] as const).flatMap((part) => {
    const reference = Reference.safeParse(said[part])
    if (!reference.success) return []
    const { stored } = reference.data
    return [{ part, stored, isSaid: stored.ref === stored.digest && stored.digest === said[storedParts[part]] }]
  })
}

/** Nothing of a message that is no event: it is sealed as it is. */
function dataOf(message: Uint8Array): JsonObject {
  try {
    const event = JSON.parse(decoder.decode(message)) as Json
    return isJsonObject(event) && isJsonObject(event['data']) ? event['data'] : {}
  } catch {
    return {}
  }
}

/**
 * The text of content, if it is what is stored here: then its digest in the event is that of its RFC 8785 form, wherever it stands.
 *
 * @throws ContentLost for anything else
 */
function textOf(ref: string, bytes: Uint8Array): string {
  try {
    const text = decoder.decode(bytes)
    const value = JSON.parse(text) as Json
    if (isJsonObject(value) && canonicalText(value, text) === text) return text
  } catch {
    // Told below.
  }
  throw new ContentLost(ref, 'is no JSON object in its canonical form')
}
