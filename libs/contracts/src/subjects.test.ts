import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callEventNames } from './call/events.ts'
import { newCallId } from './ids.ts'
import { CallId, DnsLabel, parseCallSubject, parseHoldExpired, parseMidcall, subjects } from './subjects.ts'

const at = { tenant: 'default', server: 'files-2', callId: newCallId(0) }

test('what is built is read back', () => {
  for (const event of callEventNames) assert.deepEqual(parseCallSubject(subjects.call(at, event)), { ...at, event })
  assert.deepEqual(parseHoldExpired(subjects.holdExpired(at)), at)
  assert.deepEqual(parseMidcall(subjects.midcall('gw', at.callId, 'down')), { callId: at.callId })
})

test('what is no such subject is not read', () => {
  for (const subject of [
    '',
    'calls',
    'calls.a.b.c',
    'calls.a.b.c.d.e',
    'audit.a.b.c.d',
    'calls..b.c.d',
    subjects.holdExpired(at),
  ]) {
    assert.equal(parseCallSubject(subject), undefined, subject)
  }
  for (const subject of ['', subjects.holdTimer(at.callId), 'timers.fired.holds.a.b', subjects.call(at, 'held')]) {
    assert.equal(parseHoldExpired(subject), undefined, subject)
  }
  assert.equal(parseMidcall('replies.gw'), undefined)
})

test('names that could reach into another subject are no DNS labels', () => {
  for (const name of ['', '*', '>', 'a.b', 'a b', 'A', '-a', 'a-', 'a_b', 'a'.repeat(64), 'a\n', 'ä']) {
    assert.equal(DnsLabel.safeParse(name).success, false, JSON.stringify(name))
  }
  for (const name of ['a', '0', 'a-b', 'a'.repeat(63)]) assert.equal(DnsLabel.safeParse(name).success, true, name)
})

test('only UUIDv7 and UUIDv8 are call ids', () => {
  const id = (version: string, variant: string) => `01a202b2-c500-${version}a3c-${variant}b1e-5d2f40c6e871`
  for (const good of [id('7', '8'), id('8', 'b')]) assert.equal(CallId.safeParse(good).success, true, good)
  for (const bad of [id('4', '8'), id('7', 'c'), id('7', '8').toUpperCase(), `${id('7', '8')}.x`, '']) {
    assert.equal(CallId.safeParse(bad).success, false, bad)
  }
})
