import { readFileSync } from 'node:fs'
import { newCallId, subjects } from '@countersign/contracts'
import type { StoredMessage } from '../../src/record/make-record.ts'

interface Template {
  event: string
  parts: string[]
}

const exampleCall = '01a202b2-c500-7a3c-9b1e-5d2f40c6e871'
const exampleDay = '2026-10-22T10:00:00Z'

/** The events of an approved call, as the examples of the wire contract have them. */
const templates: Template[] = [
  ['requested', 'valid-inline-arguments'],
  ['held', 'valid-one-approver'],
  ['voted', 'valid-approve'],
  ['allowed', 'valid-after-approval'],
  ['dispatched', 'valid-first-attempt'],
  ['succeeded', 'valid-inline-result'],
].map(([event, example]) => {
  const path = new URL(`../../../../proto/examples/${event}/${example}.json`, import.meta.url)
  const text = JSON.stringify(JSON.parse(readFileSync(path, 'utf8')))
  return { event: event!, parts: text.split(exampleCall) }
})

/** How many of each there are, and words to write with. */
const [servers, tools, principals, approvers, words] = [20, 200, 500, 7, 50_000]
/** A million records are 30 days. */
const callEveryMs = 15_500

/** What differs from call to call, by its number. */
function variationsOf(call: number): [string, string][] {
  const text = Array.from({ length: 15 }, (_, place) => `word${(call * 31 + place * 7919) % words}`).join(' ')
  return [
    ['"tool":"write_file"', `"tool":"tool${call % tools}"`],
    ['"server":"files"', `"server":"server${call % servers}"`],
    // Some are busier than others.
    ['"principal":"agent"', `"principal":"person${Math.floor(((call * 7919) % principals) ** 2 / principals)}"`],
    ['"approver":"approver"', `"approver":"approver${call % approvers}"`],
    ['Ship on Friday.', `Ship on Friday: order${call % 20_000} ${text}`],
  ]
}

/** Stored events of whole calls, from a sequence on; the first of a call comes six before its last. */
export function storedMessages(firstSeq: number, count: number): StoredMessage[] {
  const messages: StoredMessage[] = []
  let callId = ''
  let variations: [string, string][] = []
  for (let place = 0; place < count; place++) {
    const call = Math.floor((firstSeq - 1 + place) / templates.length)
    const storedMs = Date.parse(exampleDay) + call * callEveryMs
    const { event, parts } = templates[place % templates.length]!
    if (place % templates.length === 0) [callId, variations] = [newCallId(storedMs), variationsOf(call)]
    const text = variations.reduce((all, [from, to]) => all.replaceAll(from, to), parts.join(callId))
    messages.push({
      subject: subjects.call({ tenant: 'default', server: `server${call % servers}`, callId }, event),
      data: Buffer.from(text),
      seq: firstSeq + place,
      storedAt: new Date(storedMs + (place % templates.length) * 100),
    })
  }
  return messages
}
