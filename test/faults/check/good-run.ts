import {
  type CallEventName,
  callFieldsOf,
  canonicalJson,
  digestOf,
  History,
  type JsonObject,
  makeEvent,
  type SealedRecord,
} from '@countersign/contracts'
import { leafHash } from '@countersign/tlog'
import { allowedFixture, callFixture, newGrantSigner, requestedFixture } from '@countersign/testing'
import type { Evidence, StoredEvent } from './evidence.ts'

type Mutable<T> = T extends readonly (infer E)[] ? E[] : T
/** Evidence that a test can spoil. */
export type Spoilable = { -readonly [K in keyof Evidence]: Mutable<Evidence[K]> } & {
  calls: Map<string, History>
  poisoned: Set<string>
}

const signer = newGrantSigner()
const definitionDigest = digestOf({})
const created = '2026-01-01T00:00:00Z'

/** The evidence of a run with one call in which nothing is wrong. */
export function goodRun(names: CallEventName[] = ['requested', 'allowed', 'dispatched', 'succeeded']): Spoilable {
  const args = { n: 1, text: 'call 1' }
  const history = historyOf(names, args)
  const { callId } = history.last!.event.data
  const log = seal(history)
  const stored: StoredEvent[] = history.entries.map(({ seq, name, event }) => ({
    seq,
    subject: `calls.default.files.${callId}.${name}`,
    storedAt: event.time,
    digest: digestOf(event as unknown as JsonObject),
  }))
  const body = `{"method":"tools/call","params":{"arguments":${canonicalJson(args)}}}`
  const answer = {
    kind: 'result' as const,
    status: 'succeeded',
    code: undefined,
    callId,
    content: canonicalJson([{ type: 'text', text: 'done' }]),
  }
  return {
    calls: new Map([[callId, history]]),
    stored,
    log,
    logProblem: '',
    problemsOfPoisoned: [],
    published: structuredClone(log),
    received: [{ n: 1, tool: 'write_file', arguments: args, body, at: history.last!.event.time }],
    told: [{ n: 1, tool: 'write_file', key: undefined, asked: 1, answer }],
    grantPublicPem: signer.publicPem,
    poisoned: new Set(),
  }
}

/** A history of these events for these arguments. */
export function historyOf(names: readonly CallEventName[], args: JsonObject, idempotent = false): History {
  const now = new Date()
  const call = callFixture({ tool: 'write_file' }, args)
  const fields = callFieldsOf(call)
  const reason = { code: 'policy', message: 'no' }
  const done = { content: [{ type: 'text', text: 'done' }] }
  const events = {
    requested: makeEvent('requested', requestedFixture(call, args), { now }),
    allowed: makeEvent('allowed', allowedFixture(signer, call, args, { definitionDigest, idempotent }), { now }),
    denied: makeEvent('denied', { ...fields, reason }, { now }),
    cancelled: makeEvent('cancelled', { ...fields, reason: 'not wanted' }, { now }),
    dispatched: makeEvent('dispatched', { ...fields, executor: 'e', attempt: 1, definitionDigest }, { now }),
    succeeded: makeEvent(
      'succeeded',
      { ...fields, result: { inline: done }, resultDigest: digestOf(done), toolError: false, durationMs: 1 },
      { now },
    ),
  }
  const known = names as readonly (keyof typeof events)[]
  return new History(known.map((name, index) => ({ seq: index + 1, name, event: events[name] })))
}

/** The log entries of a history, sealed as audit seals them. */
export function seal(history: History): SealedRecord[] {
  return history.entries.map(({ seq, name, event }, index) => {
    const { tenant, server, callId } = event.data
    const record = {
      version: 2 as const,
      tenant,
      server,
      callId,
      event: name,
      storedAt: event.time,
      stream: { seq, previous: index === 0 ? 0 : history.entries[index - 1]!.seq, created },
      cloudEvent: event as unknown as JsonObject,
    }
    return { index, leafHash: leafHash(Buffer.from(canonicalJson(record))).toString('base64'), record }
  })
}
