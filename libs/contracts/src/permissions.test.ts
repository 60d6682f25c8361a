import assert from 'node:assert/strict'
import { test } from 'node:test'
import { activityEventNames } from './activity/events.ts'
import { callEventNames, callEvents } from './call/events.ts'
import { type BusUser, busUsers, inboxPrefix, permissionsOf } from './permissions.ts'
import { subjects } from './subjects.ts'

const at = { tenant: 'default', server: 'files', callId: '01a202b2-c500-7a3c-9b1e-5d2f40c6e871' }

/** Subject matching as NATS does it. */
function covers(pattern: string, subject: string): boolean {
  const tokens = subject.split('.')
  const parts = pattern.split('.')
  const open = parts.at(-1) === '>'
  if (open ? tokens.length < parts.length : tokens.length !== parts.length) return false
  return parts.every((part, index) => part === '*' || part === '>' || part === tokens[index])
}
const publishers = (subject: string) =>
  busUsers.filter((user) => {
    const { publish, publishDenied } = permissionsOf(user)
    const covered = (patterns: string[]) => patterns.some((pattern) => covers(pattern, subject))
    return covered(publish) && !covered(publishDenied)
  })
const subscribers = (subject: string) =>
  busUsers.filter((user) => permissionsOf(user).subscribe.some((pattern) => covers(pattern, subject)))

test('I11: each event of a call can be published by its writer and nobody else', () => {
  for (const name of callEventNames) {
    assert.deepEqual(publishers(subjects.call(at, name)), [callEvents[name].writer], name)
  }
})

test('I11: each activity can be published by its writer and nobody else', () => {
  const writers = {
    ...{ policies_changed: 'policy', policies_refused: 'policy', signed_in: 'console', sign_in_refused: 'console' },
    ...{
      token_refused: 'gateway',
      caller_refused: 'gateway',
      calls_refused: 'gateway',
      access_refused: 'console',
      audit_read: 'console',
    },
    ...{ erased: 'audit', hold_placed: 'audit', hold_lifted: 'audit', expired: 'audit', keys_lost: 'audit' },
    ...{ exports_changed: 'audit', exports_refused: 'audit' },
    ...{ dead_letters_retried: 'audit', dead_letters_discarded: 'audit' },
  }
  assert.deepEqual(activityEventNames.toSorted(), Object.keys(writers).toSorted())
  for (const [name, writer] of Object.entries(writers)) {
    assert.deepEqual(publishers(subjects.activity('default', name)), [writer], name)
  }
})

test('I11: an event that is not in the table can be published by nobody', () => {
  assert.deepEqual(publishers(subjects.activity('default', 'approved')), [])
  assert.deepEqual(publishers(subjects.call(at, 'approved')), [])
})

test('I11: records, lifecycle events and hold timers have one writer each', () => {
  assert.deepEqual(publishers(subjects.auditRecord('default', 'files', 'allowed')), ['audit'])
  assert.deepEqual(publishers(subjects.lifecycleEvent('default', 'files', 'started')), ['lifecycle'])
  assert.deepEqual(publishers(subjects.holdTimer(at.callId)), ['policy'])
  assert.deepEqual(publishers(subjects.holdExpired(at)), [], 'only the server rings')
})

test('I11: the registry is written by lifecycle, policies by policy, sessions by the gateway, cursors of exports by audit', () => {
  assert.deepEqual(publishers('$KV.servers.server.files'), ['lifecycle'])
  assert.deepEqual(publishers('$KV.policies.current'), ['policy'])
  assert.deepEqual(publishers('$KV.sessions.x'), ['gateway'])
  assert.deepEqual(publishers('$KV.exports.x'), ['audit'])
  assert.deepEqual(publishers('$O.payloads.C.x'), ['gateway', 'agent-executor'])
})

test('I11: content that events only name is read by services, and audit can do nothing else with it', () => {
  const readers = ['gateway', 'policy', 'agent-executor', 'console']
  const ofProvisioner = (users: string[]) => users.filter((user) => user !== 'provisioner')
  assert.deepEqual(ofProvisioner(publishers('$JS.API.DIRECT.GET.OBJ_payloads')), [
    ...readers.slice(0, 3),
    ...['audit', 'console'],
  ])
  assert.deepEqual(ofProvisioner(publishers('$JS.API.CONSUMER.CREATE.OBJ_payloads.x')), readers)
  assert.deepEqual(ofProvisioner(publishers('$JS.API.STREAM.PURGE.OBJ_payloads')), ['gateway', 'agent-executor'])
})

test('I11: streams are made, changed and emptied by the set-up alone; audit purges what it sealed', () => {
  for (const stream of ['CALLS', 'AUDIT', 'LIFECYCLE', 'TIMERS', 'KV_servers', 'KV_policies']) {
    for (const verb of ['CREATE', 'UPDATE', 'DELETE', 'MSG.DELETE', 'RESTORE', 'PURGE']) {
      const may = publishers(`$JS.API.STREAM.${verb}.${stream}`)
      assert.deepEqual(
        may,
        verb === 'PURGE' && ['CALLS', 'LIFECYCLE'].includes(stream) ? ['audit', 'provisioner'] : ['provisioner'],
        `${verb} ${stream}`,
      )
    }
  }
})

test('I11: the executor may consume grants and nothing else', () => {
  const create = (filter: string) => publishers(`$JS.API.CONSUMER.CREATE.CALLS.executor-files.${filter}`)
  assert.ok(create(subjects.callEvents('allowed', 'files')).includes('agent-executor'))
  for (const event of ['requested', 'held', 'voted']) {
    assert.ok(!create(subjects.callEvents(event, 'files')).includes('agent-executor'), event)
  }
  assert.ok(!publishers('$JS.API.CONSUMER.CREATE.CALLS.executor-files').includes('agent-executor'))
})

test('I11: no service can make, change or read from a consumer of calls that is another service’s', () => {
  for (const consumer of ['executor-files', 'policy-requested', 'audit', 'watch-1']) {
    const owner = { 'policy-requested': 'policy', audit: 'audit' }[consumer] ?? 'agent-executor'
    for (const verb of ['CREATE', 'MSG.NEXT', 'DELETE']) {
      const subject = `$JS.API.CONSUMER.${verb}.CALLS.${consumer}`
      for (const asked of [subject, `${subject}.${subjects.callEvents('allowed', 'files')}`]) {
        const may = publishers(asked).filter((user) => user !== 'provisioner' && user !== 'auditor')
        assert.deepEqual(
          may.filter((user) => user !== owner),
          [],
          asked,
        )
      }
    }
  }
})

test('I11: what is done to Countersign itself is read from its stream by audit; policy sees its own newest', () => {
  const readers = (verb: string) => publishers(`$JS.API.${verb}`).filter((user) => user !== 'provisioner')
  for (const verb of ['CONSUMER.MSG.NEXT.LIFECYCLE.audit', 'STREAM.MSG.GET.LIFECYCLE', 'DIRECT.GET.LIFECYCLE']) {
    assert.deepEqual(readers(verb), ['audit'], verb)
  }
  const newest = (event: string) => readers(`DIRECT.GET.LIFECYCLE.${subjects.activity('default', event)}`)
  assert.deepEqual(newest('policies_changed'), ['policy', 'audit'])
  assert.deepEqual(newest('signed_in'), ['audit'])
})

test('I11: nobody reads the inbox of another, and only who answers may write to it', () => {
  for (const user of busUsers) assert.deepEqual(subscribers(`${inboxPrefix(user)}.x`), [user])
  const writers = (user: BusUser) => publishers(`${inboxPrefix(user)}.x`)
  assert.deepEqual(writers('gateway'), ['policy'])
  assert.deepEqual(writers('console'), ['policy', 'lifecycle', 'audit'])
  for (const user of busUsers) if (user !== 'gateway' && user !== 'console') assert.deepEqual(writers(user), [], user)
})

test('I11: votes and rulings are asked by the console alone, and answered by policy alone', () => {
  for (const verb of ['vote', 'resolve', 'approval', 'approvals']) {
    assert.deepEqual(publishers(subjects.api('policy', verb)), ['console'], verb)
    assert.deepEqual(subscribers(subjects.api('policy', verb)), ['policy'], verb)
  }
  assert.deepEqual(publishers(subjects.api('policy', 'visible')), ['gateway', 'console'])
  assert.deepEqual(publishers(subjects.api('lifecycle', 'accept')), ['console'])
})

test('I11: what a caller withdraws is told from gateway to gateway', () => {
  assert.deepEqual(publishers(subjects.withdrawals('s')), ['gateway'])
  assert.deepEqual(subscribers(subjects.withdrawals('s')), ['gateway'])
})

test('I11: who has a call in hand is told from executor to executor', () => {
  for (const word of ['asked', 'confirmed'] as const) {
    assert.deepEqual(publishers(subjects.inHand('e', word)), ['agent-executor'])
    assert.deepEqual(subscribers(subjects.inHand('e', word)), ['agent-executor'])
  }
})

test('I11: what is not right with executors is told by them and heard by the console', () => {
  assert.deepEqual(publishers(subjects.faults('agent-executor', 'e')), ['agent-executor'])
  assert.deepEqual(publishers(subjects.faults('policy', 'e')), [])
  assert.deepEqual(subscribers(subjects.faults('agent-executor', 'e')), ['console'])
})

test('I11: events of calls cannot be read by subscribing; the auditor, who only reads, is the one exception', () => {
  for (const name of callEventNames) assert.deepEqual(subscribers(subjects.call(at, name)), ['auditor'], name)
})

test('I11: who reads AUDIT keeps cursors there, and touches no other stream and no service', () => {
  const { publish, subscribe } = permissionsOf('audit-reader')
  assert.deepEqual(subscribe, ['_INBOX_audit-reader.>'])
  const others = publish.filter((subject) => !/\bAUDIT\b/.test(subject))
  assert.deepEqual(others, ['$JS.API.INFO'])
  for (const verb of ['CONSUMER.CREATE', 'CONSUMER.MSG.NEXT', 'CONSUMER.DELETE', 'CONSUMER.INFO']) {
    assert.ok(publishers(`$JS.API.${verb}.AUDIT.mine`).includes('audit-reader'), verb)
    assert.ok(!publishers(`$JS.API.${verb}.CALLS.mine`).includes('audit-reader'), verb)
  }
})
