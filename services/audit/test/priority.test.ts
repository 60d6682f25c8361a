import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import { until } from '@countersign/testing'

const skip =
  !existsSync('/proc/self/autogroup') && 'this kernel shares the processor among processes, not among sessions'

async function startProcess(t: TestContext, hasOwnSession: boolean) {
  const child = fork(new URL('set-priority.ts', import.meta.url), { detached: hasOwnSession })
  t.after(() => void child.kill())
  await once(child, 'message')
  const niceOf = (pid: number) => Number(/nice (-?\d+)/.exec(readFileSync(`/proc/${pid}/autogroup`, 'utf8'))?.[1])
  const giveWay = async (isLow: boolean) => {
    child.send(isLow)
    await once(child, 'message')
  }
  return { giveWay, nice: () => niceOf(child.pid!) }
}

test('audit lets others go first, and takes its place again when it is behind', { skip }, async (t) => {
  const { giveWay, nice } = await startProcess(t, true)
  assert.equal(nice(), 0)
  // The kernel takes a change each 100 ms; what it does not take is tried again the next time.
  const reaches = (isLow: boolean, wanted: number) =>
    until(async () => {
      await giveWay(isLow)
      return nice() === wanted
    }, `its priority is ${wanted}`)
  await reaches(true, 10)
  await reaches(false, 0)
})

test('a session that is not its own stays as it is', { skip }, async (t) => {
  const { giveWay, nice } = await startProcess(t, false)
  const before = nice()
  await giveWay(true)
  assert.equal(nice(), before)
})
