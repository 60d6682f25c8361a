import { createHash, createPublicKey, verify } from 'node:crypto'
import type { Bus } from '@countersign/bus'
import {
  type CallEvent,
  callEvents,
  canonicalJson,
  grantSigningInput,
  type History,
  maxClockSkewMs,
  mayFollow,
  parseCallSubject,
  subjects,
} from '@countersign/contracts'

/** Every call in the stream, as the auditor reads it. */
export async function readCalls(auditor: Bus): Promise<Map<string, History>> {
  const info = await auditor.streamInfo('CALLS', subjects.allCalls)
  const calls = new Map<string, History>()
  for (const subject of Object.keys(info.subjects)) {
    const at = parseCallSubject(subject)
    if (at && !calls.has(at.callId)) calls.set(at.callId, await auditor.history(at))
  }
  return calls
}

/** When events were stored, in epoch milliseconds by the clock of nats-server, by their sequences. */
export type StoredAt = ReadonlyMap<number, number>

/**
 * What is wrong with one call's history, by invariant; empty when nothing is.
 *
 * @param storedAt of events it does not have, only what their writers say is judged
 */
export function checkHistory(history: History, grantPublicPem: string, storedAt: StoredAt = new Map()): string[] {
  const problems: string[] = []
  const names = history.entries.map(({ name }) => name)
  const expect = (holds: boolean, problem: string) => holds || problems.push(`${problem}: ${names.join(' → ')}`)

  // I2: linear, and only what may follow what.
  history.entries.forEach(({ name, seq }, index) => {
    const previous = history.entries[index - 1]
    expect(mayFollow(previous?.name, name), `I2 ${name} may not follow ${previous?.name}`)
    expect(previous === undefined || seq > previous.seq, 'I2 sequences do not grow')
  })
  expect(names.filter((name) => name === 'allowed' || name === 'denied').length <= 1, 'I2 more than one decision')

  // I5: one final event, except a ruling on an unknown call.
  const finals = names.filter((name) => callEvents[name].final && name !== 'resolved')
  expect(finals.length === 1, `I5 ${finals.length} final events`)

  // I1, I4: nothing is dispatched without a grant that verifies and is bound to this call.
  const allowed = history.find('allowed')?.data
  const requested = history.find('requested')?.data
  if (names.includes('dispatched')) {
    expect(
      allowed !== undefined && isSigned(allowed.grant, grantPublicPem),
      'I1 dispatched without a grant that verifies',
    )
  }
  for (const { data } of history.all('voted')) {
    expect(requested === undefined || data.digest === requested.digest, 'I4 a vote over another digest')
  }
  if (allowed && requested) {
    const { claims } = allowed.grant
    for (const member of ['callId', 'tenant', 'server', 'tool', 'principal', 'digest'] as const) {
      expect(claims[member] === requested[member], `I4 the grant is for another ${member}`)
    }
    // I3: what was allowed is what was asked, by content and by digest.
    if ('inline' in allowed.arguments && 'inline' in requested.arguments) {
      const text = canonicalJson(allowed.arguments.inline)
      expect(text === canonicalJson(requested.arguments.inline), 'I3 the arguments were edited')
      expect(
        `sha256:${createHash('sha256').update(text).digest('hex')}` === claims.digest,
        'I3 the digest is of something else',
      )
    }
    const held = history.find('held')?.data
    expect(held !== undefined || claims.approvals.length === 0, 'I4 approvals of a call that nobody held')
    if (held) {
      const votes = history.all('voted').filter(({ data }) => data.vote === 'approve')
      expect(
        claims.approvals.every(({ approver, digest }) =>
          votes.some(({ data }) => data.approver === approver && data.digest === digest),
        ),
        'I4 an approval that is no vote',
      )
      const approvers = new Set(claims.approvals.map(({ approver }) => approver))
      expect(approvers.size >= held.approval.quorum, 'I4 fewer people than the quorum')
      expect(!held.approval.notRequester || !approvers.has(requested.principal), 'I4 the requester approved')
      expect(
        claims.approvals.every(({ digest }) => digest === requested.digest),
        'I4 an approval of another digest',
      )
    }
  }

  // I4, I13: dispatched while the grant is good, and of the definition that it is for.
  if (allowed) {
    const { notBefore, expiresAt, definitionDigest } = allowed.grant.claims
    const [fromMs, untilMs] = [Date.parse(notBefore), Date.parse(expiresAt)]
    for (const { name, seq, event } of history.entries) {
      if (name !== 'dispatched') continue
      const saidMs = Date.parse(event.time)
      expect(saidMs >= fromMs && saidMs < untilMs, 'I4 said to be dispatched outside the time of the grant')
      // What the executor's clock says is the executor's word. The store's may be apart from it, which the beginning of a grant allows for.
      const storedMs = storedAt.get(seq)
      expect(
        storedMs === undefined || (storedMs >= fromMs && storedMs < untilMs + maxClockSkewMs),
        'I4 dispatched outside the time of the grant',
      )
    }
    expect(
      history.all('dispatched').every(({ data }) => data.definitionDigest === definitionDigest),
      'I13 dispatched with another definition than was judged',
    )
  }

  // I6: sent again only when the pinned definition says that this is safe.
  const dispatched = names.filter((name) => name === 'dispatched').length
  expect(dispatched <= 1 || allowed?.grant.claims.idempotent === true, 'I6 sent twice and not idempotent')
  return problems
}

function isSigned({ claims, signature }: CallEvent<'allowed'>['data']['grant'], pem: string): boolean {
  return verify(null, grantSigningInput(claims), createPublicKey(pem), Buffer.from(signature, 'base64url'))
}
