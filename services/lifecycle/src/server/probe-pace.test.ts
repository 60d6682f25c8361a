import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProbePace } from './probe-pace.ts'

test('a few servers are probed once an interval, thousands no more often together than a hundred', () => {
  let now = 0
  const pace = new ProbePace(10_000, () => now)
  const few = Array.from({ length: 3 }, () => pace.next())
  assert.deepEqual(few, [10_000, 10_100, 10_200])
  now = 10_000
  assert.equal(pace.next(), 20_000)

  let probes = 0
  const due = Array.from({ length: 2000 }, () => pace.next())
  for (; now < 1_010_000; now += 100) {
    for (const [server, at] of due.entries()) {
      if (at > now) continue
      probes += 1
      due[server] = pace.next()
    }
  }
  assert.ok(probes > 9_700 && probes <= 10_000, `${probes} in a thousand seconds`)
  // None of them waits for longer than the others.
  assert.ok(Math.max(...due) - now <= 200_100, `the last in ${Math.max(...due) - now} ms`)
})
