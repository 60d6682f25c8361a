import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verbs } from '@countersign/contracts'
import { startTestBus, until } from '@countersign/testing'
import { auditFolder, callWriter, indexPatienceMs, startAudit, whenIndexed } from './harness.ts'

const tenant = 'default'
const timeoutMs = 20_000

test(
  'R20, I12: killed while it indexes, audit has each record and each call in its index once',
  { timeout: 240_000 },
  async (t) => {
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const writer = await callWriter(testBus)
    const console = await testBus.connect('console')
    const total = 1500
    const ask = () => console.callApi(verbs.audit.index, { tenant }, timeoutMs)
    for (let round = 0; round < 3; round++) {
      const audit = await startAudit(t, testBus, folder)
      const calls = await Promise.all(Array.from({ length: total / 6 }, () => writer.request()))
      await Promise.all(calls.map((call) => writer.deny(call)))
      // Somewhere in it: the index has begun with what came, and has not ended.
      const before = (total * round) / 3
      await until(async () => (await ask()).indexed > before, 'it has begun to index', indexPatienceMs)
      await audit.stop('SIGKILL')
    }
    const audit = await startAudit(t, testBus, folder)
    await until(
      async () => {
        const { size, indexed, problem } = await ask()
        assert.equal(problem, null)
        return size === total && indexed === size
      },
      'all is indexed',
      indexPatienceMs,
    )

    const found: number[] = []
    const called = new Set<string>()
    for (let before: number | null | undefined; before !== null;) {
      const query = { tenant, limit: 400, ...(before === undefined ? {} : { before }) }
      const page = await console.callApi(verbs.audit.records, query, timeoutMs)
      found.push(...page.records.map(({ index }) => index))
      before = page.next
    }
    assert.deepEqual(
      found,
      Array.from({ length: total }, (_, place) => total - 1 - place),
    )
    const { calls, next } = await console.callApi(
      verbs.audit.calls,
      { tenant, limit: 1000, state: 'denied' },
      timeoutMs,
    )
    for (const { callId } of calls) called.add(callId)
    assert.deepEqual([calls.length, called.size, next], [total / 2, total / 2, null])
    assert.equal((await console.callApi(verbs.audit.reindex, { tenant }, timeoutMs)).size, total)
    await whenIndexed(ask)
    const top = await console.callApi(verbs.audit.top, { tenant, by: 'state' }, timeoutMs)
    assert.deepEqual(top.top, [{ value: 'denied', calls: total / 2 }])
    assert.equal(await audit.stop('SIGTERM'), 0, audit.output())
  },
)
