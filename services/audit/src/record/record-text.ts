/** What is looked at of a record without parsing the event in it. */
export interface RecordHead {
  tenant: string
  server: string
  callId: string
  event: string
  /** When the event was stored, ISO 8601. */
  storedAt: string
  /** Its sequence in `CALLS`. */
  seq: number
  /** When that stream was created. */
  created: string
}

/** An `AuditRecord` as its RFC 8785 text, which is what gets hashed and stored. */
export interface RecordText extends RecordHead {
  text: string
}

/** Stands where a message's subject names no call; such a record keeps the subject in `cloudEvent`. */
export const noCall = { tenant: 'invalid', server: 'invalid', callId: '00000000-0000-7000-8000-000000000000' } as const

const eventMember = ',"event":"'
const callIdAt = '{"callId":"'.length

/**
 * Writes the canonical text of an `AuditRecord` around the canonical text of its event, so that the event is serialised once.
 *
 * @param head tenant, server and call id must be what their schemas allow: they are spliced in as they are
 */
export function recordText(head: RecordHead, cloudEvent: string): RecordText {
  const { tenant, server, callId, event, storedAt, seq, created } = head
  const text =
    `{"callId":"${callId}","cloudEvent":${cloudEvent}${eventMember}${quotedInside(event)}","server":"${server}",` +
    `"storedAt":"${storedAt}","stream":{"created":${JSON.stringify(created)},"seq":${seq}},"tenant":"${tenant}","version":1}`
  return { tenant, server, callId, event, storedAt, seq, created, text }
}

/** Reads the head of a canonical record text; the event inside is passed over. */
export function readHead(text: string): RecordHead {
  // A quote inside any string is escaped, so the last match is the record's own member.
  const tail = JSON.parse(`{${text.slice(text.lastIndexOf(eventMember) + 1)}`) as {
    event: string
    server: string
    storedAt: string
    stream: { created: string; seq: number }
    tenant: string
  }
  const { event, server, storedAt, stream, tenant } = tail
  return { tenant, server, callId: text.slice(callIdAt, callIdAt + 36), event, storedAt, ...stream }
}

function quotedInside(value: string): string {
  return JSON.stringify(value).slice(1, -1)
}
