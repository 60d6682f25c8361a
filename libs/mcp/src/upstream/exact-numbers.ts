import {
  escaped,
  exactNumbersMeta,
  isJsonObject,
  type Json,
  type JsonObject,
  moreExactNumbersMeta,
} from '@countersign/contracts'

const maxNumbers = 100
const maxCharacters = 64 * 1024
/** Fewer digits a double holds, whichever they are. */
const manyDigits = /\d{16}/
const longInteger = /^-?\d{16,}$/

/** A number as it was written, in its place. */
class Written {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/**
 * Adds to a result, in its `_meta`, the integers that are not any more what its server wrote: parsed they are the nearest doubles, and
 * nobody would see it. 100 of them, in 64 KiB; others are counted.
 *
 * @param text the whole message that the result came in
 */
export function withExactNumbers(result: JsonObject, text: string): JsonObject {
  if (!manyDigits.test(text)) return result
  const exact: Record<string, string> = {}
  let [kept, characters, more] = [0, 0, 0]
  for (const [pointer, written] of longIntegers(text)) {
    characters += pointer.length + written.length
    if (kept < maxNumbers && characters <= maxCharacters) {
      exact[pointer] = written
      kept += 1
    } else more += 1
  }
  if (kept + more === 0) return result
  const meta = isJsonObject(result._meta) ? result._meta : {}
  return {
    ...result,
    _meta: { ...meta, [exactNumbersMeta]: exact, ...(more > 0 ? { [moreExactNumbersMeta]: more } : {}) },
  }
}

/** The integers in a message's result that would be written differently now, by their pointers. */
function longIntegers(text: string): Generator<[string, string]> {
  const keepWritten = (_key: string, value: unknown, context?: { source?: string }) => {
    const source = context?.source
    const changes =
      typeof value === 'number' && source !== undefined && longInteger.test(source) && String(value) !== source
    return changes ? new Written(source) : value
  }
  const { result } = JSON.parse(text, keepWritten) as { result: Json | Written }
  return writtenIn(result, '')
}

function* writtenIn(value: Json | Written, pointer: string): Generator<[string, string]> {
  if (value instanceof Written) yield [pointer, value.text]
  else if (Array.isArray(value))
    for (const [index, item] of value.entries()) yield* writtenIn(item, `${pointer}/${index}`)
  else if (isJsonObject(value))
    for (const [key, member] of Object.entries(value)) yield* writtenIn(member, `${pointer}/${escaped(key)}`)
}
