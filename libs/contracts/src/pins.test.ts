// What others can observe, written down by hand: when one of these goes red, read docs/pins.md first.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { activityEventType } from './activity/envelope.ts'
import { activityEventNames } from './activity/events.ts'
import { verbs } from './api/verbs.ts'
import { eventType } from './call/envelope.ts'
import { eventContentType } from './envelope.ts'
import { callEventNames } from './call/events.ts'
import { grantSigningInput } from './call/grant.ts'
import { maxInlineBytes } from './call/common.ts'
import { errorTable } from './errors.ts'
import { callIdFromKey } from './ids.ts'
import { busUsers, inboxPrefix } from './permissions.ts'
import { auditLogOrigin, tenantOfOrigin } from './record/log-origin.ts'
import { redactionDigest, redactionSalt } from './record/redaction.ts'
import { registryKeys } from './registry.ts'
import { buckets, consumers, executorConsumer, payloadStore, streams } from './streams.ts'
import { subjects } from './subjects.ts'
import { prefixedName, statusToolName } from './tool-names.ts'

const at = { tenant: 't', server: 's', callId: 'c' }

test('pin: subjects', () => {
  assert.deepEqual(
    {
      call: subjects.call(at, 'held'),
      callHistory: subjects.callHistory(at),
      callAnywhere: subjects.callAnywhere('c'),
      callEvents: subjects.callEvents('held'),
      auditRecord: subjects.auditRecord('t', 's', 'held'),
      auditActivity: subjects.auditRecord('t', undefined, 'signed_in'),
      lifecycleEvent: subjects.lifecycleEvent('t', 's', 'started'),
      activity: subjects.activity('t', 'signed_in'),
      holdTimer: subjects.holdTimer('c'),
      holdExpired: subjects.holdExpired(at),
      replies: subjects.replies('g'),
      midcall: subjects.midcall('g', 'c', 'up'),
      withdrawals: subjects.withdrawals('s'),
      inHand: subjects.inHand('e', 'asked'),
      faults: subjects.faults('agent-executor', 'e'),
      api: subjects.api('policy', 'vote'),
    },
    {
      call: 'calls.t.s.c.held',
      callHistory: 'calls.t.s.c.>',
      callAnywhere: 'calls.*.*.c.>',
      callEvents: 'calls.*.*.*.held',
      auditRecord: 'audit.t.s.held',
      auditActivity: 'audit.t.signed_in',
      lifecycleEvent: 'lifecycle.t.s.started',
      activity: 'activity.t.signed_in',
      holdTimer: 'timers.holds.c',
      holdExpired: 'timers.fired.holds.t.s.c',
      replies: 'replies.g',
      midcall: 'midcall.g.c.up',
      withdrawals: 'midcall.sessions.s.withdrawn',
      inHand: 'midcall.executors.e.asked',
      faults: 'faults.agent-executor.e',
      api: 'api.policy.vote',
    },
  )
})

test('pin: names of tools', () => {
  assert.deepEqual([prefixedName('files', 'read'), statusToolName], ['files_read', 'countersign_call_status'])
})

test('pin: streams, buckets, consumers', () => {
  assert.deepEqual(
    Object.values(streams).map((stream) => `${stream.name} ${stream.subjects.join(' ')} ${stream.discard}`),
    ['CALLS calls.> new', 'TIMERS timers.> old', 'AUDIT audit.> old', 'LIFECYCLE lifecycle.> activity.> new'],
  )
  assert.deepEqual(
    Object.values(buckets).map(({ name }) => name),
    ['servers', 'policies', 'sessions', 'exports'],
  )
  assert.equal(payloadStore.name, 'payloads')
  assert.deepEqual(
    [...Object.values(consumers), executorConsumer('files')].map(
      ({ stream, name, filter }) => `${stream} ${name} ${filter}`,
    ),
    [
      'CALLS policy-requested calls.*.*.*.requested',
      'CALLS policy-voted calls.*.*.*.voted',
      'TIMERS policy-expired timers.fired.holds.>',
      'CALLS audit calls.>',
      'LIFECYCLE audit >',
      'CALLS executor-files calls.*.files.*.allowed',
    ],
  )
})

test('pin: event types', () => {
  assert.equal(eventContentType, 'application/cloudevents+json')
  assert.deepEqual(callEventNames.map(eventType), [
    'dev.countersign.call.requested.v1',
    'dev.countersign.call.held.v1',
    'dev.countersign.call.previewed.v1',
    'dev.countersign.call.voted.v1',
    'dev.countersign.call.allowed.v1',
    'dev.countersign.call.denied.v1',
    'dev.countersign.call.cancelled.v1',
    'dev.countersign.call.dispatched.v1',
    'dev.countersign.call.succeeded.v1',
    'dev.countersign.call.failed.v1',
    'dev.countersign.call.unknown.v1',
    'dev.countersign.call.resolved.v1',
  ])
  assert.deepEqual(activityEventNames.map(activityEventType), [
    'dev.countersign.activity.policies_changed.v1',
    'dev.countersign.activity.policies_refused.v1',
    'dev.countersign.activity.signed_in.v1',
    'dev.countersign.activity.sign_in_refused.v1',
    'dev.countersign.activity.token_refused.v1',
    'dev.countersign.activity.caller_refused.v1',
    'dev.countersign.activity.calls_refused.v1',
    'dev.countersign.activity.access_refused.v1',
    'dev.countersign.activity.audit_read.v1',
    'dev.countersign.activity.erased.v1',
    'dev.countersign.activity.hold_placed.v1',
    'dev.countersign.activity.hold_lifted.v1',
    'dev.countersign.activity.expired.v1',
    'dev.countersign.activity.keys_lost.v1',
    'dev.countersign.activity.exports_changed.v1',
    'dev.countersign.activity.exports_refused.v1',
    'dev.countersign.activity.dead_letters_retried.v1',
    'dev.countersign.activity.dead_letters_discarded.v1',
  ])
})

test('pin: what a signature covers and what an id is made from', () => {
  const digest = `sha256:${'0'.repeat(64)}`
  const claims = {
    ...{ callId: 'c', tenant: 't', server: 's', method: 'tools/call', tool: 'w', principal: 'p', digest },
    ...{
      definitionDigest: digest,
      idempotent: false,
      policyRevision: 'r',
      approvals: [],
      notBefore: 'a',
      expiresAt: 'b',
    },
  }
  assert.equal(
    new TextDecoder().decode(grantSigningInput(claims)),
    `countersign.dev/grant/v1\n{"approvals":[],"callId":"c","definitionDigest":"${digest}","digest":"${digest}","expiresAt":"b",` +
      '"idempotent":false,"method":"tools/call","notBefore":"a","policyRevision":"r","principal":"p","server":"s","tenant":"t","tool":"w"}',
  )
  // printf '["t","p","k"]' | sha256sum, with version and variant set.
  assert.equal(callIdFromKey('t', 'p', 'k'), '40b936ec-d5f8-84e3-8def-2b824498bb06')
  assert.equal(registryKeys.tool('s', 'w'), 'tool.s.50e721e49c013f00c62cf59f2163542a')
  assert.equal(maxInlineBytes, 262_144)
})

test('pin: what names an audit log, and what proves what was taken out of a record', () => {
  assert.equal(auditLogOrigin('t'), 'countersign.dev/audit/t')
  assert.equal(auditLogOrigin('t', 'acme.example/agents'), 'acme.example/agents/audit/t')
  const origins = [
    'countersign.dev/audit/t',
    'acme.example/agents/audit/t',
    'acme.example/t',
    'audit/t',
    'a/audit/B',
    'a/audit/',
  ]
  assert.deepEqual(origins.map(tenantOfOrigin), ['t', 't', undefined, undefined, undefined, undefined])
  const stream = { created: '2026-11-20T08:30:00.123456789Z', seq: 7 }
  // printf 'countersign.dev/redaction/v1\n["t","2026-11-20T08:30:00.123456789Z",7,"/data/a"]' | openssl dgst -sha256 -mac hmac -macopt hexkey:6b
  const salt = redactionSalt(Buffer.from('k'), { tenant: 't', stream, path: '/data/a' })
  assert.equal(salt, '1edb2fa5ab3a969ffcfbcaa2024815bfc9c7439fd8e6d46dfd377c7c3b729a3d')
  // { printf SALT | xxd -r -p; printf '"x"'; } | sha256sum
  assert.equal(redactionDigest(salt, 'x'), 'sha256:9a152c416ebbebcf02002d6b83c245734c01092ec6c96347c53a5e33d6ae2cb9')
})

test('pin: bus users and verbs', () => {
  assert.deepEqual(busUsers, [
    'gateway',
    'policy',
    'agent-executor',
    'lifecycle',
    'audit',
    'console',
    'provisioner',
    'auditor',
    'audit-reader',
  ])
  assert.equal(inboxPrefix('gateway'), '_INBOX_gateway')
  assert.deepEqual(
    Object.values(verbs).flatMap((group) => Object.values(group).map(({ service, verb }) => `${service}.${verb}`)),
    [
      ...[
        'policy.visible',
        'policy.approvals',
        'policy.approval',
        'policy.vote',
        'policy.resolve',
        'policy.policies',
        'policy.status',
        'policy.check',
      ],
      'lifecycle.accept',
      ...['audit.records', 'audit.calls', 'audit.story', 'audit.counts', 'audit.top', 'audit.index', 'audit.reindex'],
      ...['audit.status', 'audit.prove', 'audit.exports', 'audit.settleExport', 'audit.consistency'],
      ...['audit.subject', 'audit.erase', 'audit.holds', 'audit.placeHold', 'audit.liftHold'],
    ],
  )
})

test('pin: error codes with their HTTP status, JSON-RPC code and whether asking again helps', () => {
  const rows = Object.entries(errorTable).map(([code, row]) => {
    const jsonRpc = 'jsonRpcCode' in row ? row.jsonRpcCode : 'result'
    return `${code} ${row.httpStatus} ${jsonRpc}${row.retryable ? ' retry' : ''}`
  })
  assert.deepEqual(rows, [
    'parse_error 400 -32700',
    'invalid_request 400 -32600',
    'method_not_found 404 -32601',
    'method_not_allowed 405 -32601',
    'invalid_params 400 -32602',
    'header_mismatch 400 -32020',
    'unsupported_version 400 -32022',
    'body_too_large 413 -32600',
    'not_acceptable 406 -32600',
    'unsupported_media_type 415 -32600',
    'unauthenticated 401 -32001',
    'forbidden 403 -32003',
    'forbidden_host 403 -32003',
    'session_not_found 404 -32001 retry',
    'not_found 404 -32602',
    'unknown_tool 404 -32602',
    'unknown_call 404 -32602',
    'idempotency_conflict 409 -32602',
    'invalid_arguments 400 result',
    'policy 403 result',
    'no_policy 503 result retry',
    'quarantined 403 result',
    'rejected 403 result',
    'expired 403 result retry',
    'deadline_exceeded 504 result retry',
    'audit_behind 503 result retry',
    'store_unavailable 503 result retry',
    'store_full 507 result retry',
    'overloaded 503 result retry',
    'cancelled 409 result',
    'timeout 504 result',
    'grant_invalid 500 result',
    'grant_expired 504 result retry',
    'definition_changed 409 result',
    'upstream_unreachable 502 result retry',
    'upstream_refused 502 result',
    'upstream_busy 503 result retry',
    'upstream_error 502 result',
    'upstream_timeout 504 result retry',
    'upstream_died 502 result retry',
    'upstream_garbage 502 result',
    'result_too_large 502 result',
    'result_invalid 502 result',
    'outcome_unknown 502 result',
    'unknown_approval 404 result',
    'digest_mismatch 409 result',
    'already_voted 409 result',
    'approval_ended 409 result',
    'not_an_approver 403 result',
    'requester_may_not_vote 403 result',
    'not_unknown 409 result',
    'query_too_slow 422 result',
    'legal_hold 409 result',
    'erasure_off 409 result',
    'service_unavailable 503 result retry',
    'internal 500 -32603',
  ])
})
