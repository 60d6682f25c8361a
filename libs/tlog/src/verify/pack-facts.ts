import type { RecordFacts } from './record-facts.ts'

/** Facts of many records in a few arrays: they pass from thread to thread without being copied one by one. */
export interface PackedFacts {
  count: number
  /** Seven a record: sequence (0 for one that cannot be read), previous, stored, due, and the places of its texts. */
  numbers: Float64Array
  callIds: Uint8Array
  texts: string[]
}

const perRecord = 7

/** Packs facts. */
export function packFacts(facts: readonly (RecordFacts | undefined)[]): PackedFacts {
  const numbers = new Float64Array(facts.length * perRecord)
  const callIds = Buffer.alloc(facts.length * 16)
  const texts: string[] = []
  const places = new Map<string, number>()
  const placeOf = (text: string) => {
    let place = places.get(text)
    if (place === undefined) places.set(text, (place = texts.push(text) - 1))
    return place
  }
  for (const [index, each] of facts.entries()) {
    if (!each) continue
    const { seq, previous, storedMs, dueMs, created, event, stream, callId } = each
    numbers.set([seq, previous, storedMs, dueMs, placeOf(created), placeOf(event), placeOf(stream)], index * perRecord)
    if (callId !== undefined) callIds.write(callId.replaceAll('-', ''), index * 16, 'hex')
  }
  return { count: facts.length, numbers, callIds, texts }
}

/** One record's facts; the call is named by its 16 bytes, which are all 0 where there is none. */
export type UnpackedFacts = Omit<RecordFacts, 'content' | 'callId'> & { call: string }

/** Stands for no call. */
export const noCall = '\0'.repeat(16)

/** Reads one record's facts; undefined for one that cannot be read. */
export function unpackFacts({ numbers, callIds, texts }: PackedFacts, index: number): UnpackedFacts | undefined {
  const at = index * perRecord
  const seq = numbers[at]!
  if (seq === 0) return undefined
  return {
    seq,
    previous: numbers[at + 1]!,
    storedMs: numbers[at + 2]!,
    dueMs: numbers[at + 3]!,
    created: texts[numbers[at + 4]!]!,
    event: texts[numbers[at + 5]!]!,
    stream: texts[numbers[at + 6]!]!,
    call: Buffer.from(callIds.buffer, callIds.byteOffset + index * 16, 16).toString('latin1'),
  }
}

/** The id of a call from its 16 bytes. */
export function callIdOf(call: string): string {
  const hex = Buffer.from(call, 'latin1').toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
