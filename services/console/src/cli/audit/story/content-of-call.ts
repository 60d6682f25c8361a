import {
  type AuditRecord,
  erasedMark,
  isJsonObject,
  isTold,
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

/** Bytes that are not shown, by their digest. */
interface Named {
  digest: string
  size: number
}

/** Arguments or a result: JSON, or a mark where it is hidden; named where it is not in the log, or where its event lies beside the log. */
export type Content = { inline: Json } | { stored: Named } | { beside: Named }

/** What the records of a call say beyond its story. */
export interface CallContent {
  arguments: Content | undefined
  result: Content | undefined
  hidden: Hidden
}

const hows: Record<string, keyof Hidden> = { [erasedMark]: 'erased', [unreadableMark]: 'unreadable' }

/** Gathers what was asked and what was answered from records of a call, the oldest first. */
export function contentOfCall(records: readonly SealedRecord[]): CallContent {
  const hidden: Record<keyof Hidden, Set<string>> = { redacted: new Set(), erased: new Set(), unreadable: new Set() }
  let [asked, answered]: (Content | undefined)[] = []
  for (const { record } of records) {
    const { event, cloudEvent } = record
    if (event === 'requested') asked = contentIn(record, 'arguments')
    if (event === 'succeeded') answered = contentIn(record, 'result')
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

/** What is known of a call from records that follow each other: of what both say, the newer. */
export function joined(newer: CallContent, older: CallContent): CallContent {
  const both = (how: keyof Hidden) => [...new Set([...older.hidden[how], ...newer.hidden[how]])]
  return {
    arguments: newer.arguments ?? older.arguments,
    result: newer.result ?? older.result,
    hidden: { redacted: both('redacted'), erased: both('erased'), unreadable: both('unreadable') },
  }
}

/** What an event says of its arguments or result; all of an event may be hidden, or too large to be told. */
function contentIn(record: AuditRecord, part: 'arguments' | 'result'): Content | undefined {
  const { cloudEvent, content } = record
  if (content && !isTold(record)) return { beside: content }
  const data = cloudEvent['data']
  const said = isJsonObject(data) ? data[part] : data
  if (!isJsonObject(said)) return said === undefined ? undefined : { inline: said }
  if ('inline' in said) return { inline: said['inline']! }
  const { stored } = said
  if (!isJsonObject(stored)) return { inline: said }
  return { stored: { digest: String(stored['digest']), size: Number(stored['size']) } }
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
