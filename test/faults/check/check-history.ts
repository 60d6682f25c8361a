import { createHash, createPublicKey, verify } from 'node:crypto'
import type { Bus } from '@countersign/bus'
import {
  type CallEvent,
  callEvents,
  canonicalJson,
  grantSigningInput,
  type History,
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

/** What is wrong with one call's history, by invariant; empty when nothing is. */
export function checkHistory(history: History, grantPublicPem: string): string[] {
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
        claims.approvals.every(({ approver }) => votes.some(({ data }) => data.approver === approver)),
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

  // I6: sent again only when the pinned definition says that this is safe.
  const dispatched = names.filter((name) => name === 'dispatched').length
  expect(dispatched <= 1 || allowed?.grant.claims.idempotent === true, 'I6 sent twice and not idempotent')
  return problems
}

function isSigned({ claims, signature }: CallEvent<'allowed'>['data']['grant'], pem: string): boolean {
  return verify(null, grantSigningInput(claims), createPublicKey(pem), Buffer.from(signature, 'base64url'))
}
