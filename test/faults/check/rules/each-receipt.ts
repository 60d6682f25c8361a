import { canonicalJson, digestOf, type History } from '@countersign/contracts'
import { callsByNumber, type Evidence, path, type Received, type Violation } from '../evidence.ts'

/** What the tool server received is what was granted, as often as it was dispatched and no more (I1, I3, I6). */
export function eachReceipt(evidence: Evidence): Violation[] {
  const callOf = callsByNumber(evidence)
  const receipts = Map.groupBy(evidence.received, ({ n }) => n)
  const violations: Violation[] = []
  for (const [n, of] of receipts) {
    const call = callOf.get(n)
    if (!call) violations.push({ rule: 'I1', detail: `the tool server received request ${n}, which is no call` })
    else violations.push(...checkReceipts(call.callId, call.history, of))
  }
  for (const [n, { callId, history }] of callOf) {
    if (history.find('succeeded') && !receipts.has(n)) {
      violations.push({ rule: 'I5', callId, detail: 'it succeeded, and the tool server never received it' })
    }
  }
  return violations
}

function checkReceipts(callId: string, history: History, receipts: readonly Received[]): Violation[] {
  const violations: Violation[] = []
  const expect = (holds: boolean, rule: string, detail: string) =>
    holds || violations.push({ rule, callId, detail: `${detail}: ${path(history)}` })
  const claims = history.find('allowed')?.data.grant.claims
  const dispatched = history.all('dispatched').length
  expect(receipts.length <= dispatched, 'I1', `received ${receipts.length} times, dispatched ${dispatched} times`)
  expect(receipts.length <= 1 || claims?.idempotent === true, 'I6', `received ${receipts.length} times`)
  for (const { arguments: args, body, tool } of receipts) {
    expect(digestOf(args) === claims?.digest, 'I3', 'received other arguments than were approved')
    expect(body.includes(canonicalJson(args)), 'I3', 'received another text than was approved')
    expect(tool === claims?.tool, 'I3', `received by ${tool}`)
  }
  return violations
}
