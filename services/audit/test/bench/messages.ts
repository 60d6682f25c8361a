import { readFileSync } from 'node:fs'
import { newCallId, subjects } from '@countersign/contracts'
import type { StoredMessage } from '../../src/record/make-record.ts'

interface Template {
  event: string
  parts: string[]
}

const exampleCall = '01a202b2-c500-7a3c-9b1e-5d2f40c6e871'
const exampleDay = '2026-11-22T10:'

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

/** Stored events of whole calls, from a sequence on; the first of a call comes six before its last. */
export function storedMessages(firstSeq: number, count: number): StoredMessage[] {
  const messages: StoredMessage[] = []
  let callId = newCallId(Date.now())
  for (let place = 0; place < count; place++) {
    const { event, parts } = templates[place % templates.length]!
    if (place % templates.length === 0) callId = newCallId(Date.now())
    messages.push({
      subject: subjects.call({ tenant: 'default', server: 'files', callId }, event),
      data: Buffer.from(parts.join(callId)),
      seq: firstSeq + place,
      storedAt: new Date(`${exampleDay}00:00Z`),
    })
  }
  return messages
}
