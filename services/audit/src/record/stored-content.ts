import { type Bus, ContentLost } from '@countersign/bus'
import { isJsonObject, type Json, type JsonObject, PayloadRef } from '@countersign/contracts'
import { canonicalText } from './canonical-text.ts'

/** Content that an event names because it is too large for it, and that is sealed in its place. */
export interface FetchedContent {
  part: (typeof storedParts)[number]
  /** Its RFC 8785 form. */
  text: string
}

/** Content that an event names and that will not be had any more. */
export interface LostContent extends Pick<FetchedContent, 'part'> {
  seq: number
  why: string
}

/** The parts of an event's data that travel by reference when they are large. */
const storedParts = ['arguments', 'result'] as const
/** Callers and tools may be allowed 64 MiB; more than twice that is none of ours, and stays where it is. */
const maxBytes = 128 * 1024 * 1024
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
  for (const { part, stored } of referencesIn(data)) {
    try {
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

function referencesIn(data: Uint8Array): { part: FetchedContent['part']; stored: PayloadRef }[] {
  if (!Buffer.from(data.buffer, data.byteOffset, data.byteLength).includes(mark)) return []
  const said = dataOf(data)
  return storedParts.flatMap((part) => {
    const content = said[part]
    const stored = PayloadRef.safeParse(isJsonObject(content) ? content['stored'] : undefined)
    return stored.success && stored.data.ref !== '' ? [{ part, stored: stored.data }] : []
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
