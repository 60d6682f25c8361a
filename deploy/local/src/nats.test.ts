import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { freePort } from '@countersign/config'
import { until } from '@countersign/testing'
import { superviseNats } from './nats.ts'
import { openState, stateLayout } from './state.ts'

/** The nats-servers of a folder that run. */
function serversIn(dir: string): string[] {
  const processes = execFileSync('ps', ['-eo', 'pid=,stat=,args='], { encoding: 'utf8' })
  return processes.split('\n').filter((line) => line.includes(join(dir, 'nats-server.conf')) && !/^\s*\d+ Z/.test(line))
}

test('R41: a nats-server that is just being started again does not outlive the launcher', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'countersign-nats-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  const layout = stateLayout(join(root, 'state'))
  // One that was left behind would keep this process from ending.
  t.after(() => {
    for (const line of serversIn(layout.nats)) process.kill(Number.parseInt(line, 10), 'SIGKILL')
  })
  const state = await openState(layout.dir, false, 0, () => {})
  // Before it is started again, while it is, and when it is there.
  for (const afterMs of [0, 205, 230, 260, 600]) {
    const deaths: string[] = []
    const say = (line: string) => deaths.push(line)
    const server = await superviseNats(state, await freePort(), () => {}, say)
    process.kill(server.pid()!, 'SIGKILL')
    await until(() => deaths.length > 0, 'its death is noticed')
    await setTimeout(afterMs)
    await server.stop()
    assert.deepEqual(serversIn(layout.nats), [], `stopped ${afterMs} ms after its death`)
    await setTimeout(300)
    assert.deepEqual(serversIn(layout.nats), [], `a while after it was stopped ${afterMs} ms after its death`)
  }
})
