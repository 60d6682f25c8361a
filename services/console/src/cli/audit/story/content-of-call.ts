import {
  erasedMark,
  isJsonObject,
  type Json,
  type JsonObject,
  redactedMark,
  type SealedRecord,
  unreadableMark,
} from '@countersign/contracts'

/** Names of what cannot be read, each once. */
export interface Hidden {
  /** Taken out before it was sealed. */
  redacted: string[]
  /** Encrypted with a key that is gone. */
  erased: string[]
  /** Its key does not open it: the log, or the key, was changed. */
  unreadable: string[]
}

/** What the records of a call say beyond its story. */
export interface CallContent {
  /** As far as it is in the log: JSON, a mark where it is hidden, or where it is kept when it was too large for an event. */
  arguments: Json | undefined
  result: Json | undefined
  hidden: Hidden
}

const hows: Record<string, keyof Hidden> = { [erasedMark]: 'erased', [unreadableMark]: 'unreadable' }

/** Gathers what was asked and what was answered from the records of a call. */
export function contentOfCall(records: readonly SealedRecord[]): CallContent {
  const hidden: Record<keyof Hidden, Set<string>> = { redacted: new Set(), erased: new Set(), unreadable: new Set() }
  let [asked, answered]: (Json | undefined)[] = []
  for (const { record } of records) {
    const { event, cloudEvent } = record
    const data = cloudEvent['data']
    if (event === 'requested') asked = contentIn(data, 'arguments')
    if (event === 'succeeded') answered = contentIn(data, 'result')
    for (const { path } of record.redactions ?? []) hidden.redacted.add(nameOf(path))
    const encrypted = record.version === 2 ? [] : (record.encrypted ?? [])
    for (const { path } of encrypted) {
      const mark = valueAt(cloudEvent, path)
      const how = typeof mark === 'string' ? hows[mark] : undefined
      if (how) hidden[how].add(nameOf(path).split('/')[0]!)
    }
  }
  return {
    arguments: asked,
    result: answered,
    hidden: { redacted: [...hidden.redacted], erased: [...hidden.erased], unreadable: [...hidden.unreadable] },
  }
}

/** True for what stands where content was taken out, erased or cannot be opened. */
export function isMark(content: Json): boolean {
  return content === redactedMark || (typeof content === 'string' && content in hows)
}

/** What an event says of its arguments or result; all of an event may be hidden. */
function contentIn(data: Json | undefined, part: 'arguments' | 'result'): Json | undefined {
  if (!isJsonObject(data)) return data
  const content = data[part]
  return isJsonObject(content) && 'inline' in content ? content['inline'] : content
}

/** A JSON Pointer into an event, as people read it: `/data/arguments/inline/path` is `arguments/path`. */
function nameOf(pointer: string): string {
  const [, , ...steps] = pointer.split('/')
  if (steps.length === 0) return 'all'
  return steps.filter((step, place) => place !== 1 || step !== 'inline').join('/')
}

/** What a JSON Pointer (RFC 6901) names; undefined where there is nothing. */
function valueAt(event: JsonObject, pointer: string): Json | undefined {
  let value: Json | undefined = event
  for (const step of pointer.split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~')
    value = typeof value === 'object' && value !== null ? (value as Record<string, Json>)[key] : undefined
  }
  return value
}
