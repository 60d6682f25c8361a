import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { checkRun } from './check/check-run.ts'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { driveCall } from './load/drive.ts'
import { askHeld } from './load/ask-held.ts'

/** How many calls are held; `FAULTS_HELD=10000` for a run by hand, with `FAULTS_HELD_FOR_S` where asking for them takes long. */
const count = Number(process.env.FAULTS_HELD ?? 1000)
/** Long enough to ask for all of them and to restart everything, on a machine that is busy with other things too. */
const heldForS = Number(process.env.FAULTS_HELD_FOR_S ?? 25 + Math.ceil(count / 100))
/** An alarm that rings later than this is not on time, however busy the machine. */
const onTimeMs = 30_000

/** Kills everything at once, and starts it again: first the store, then the services. */
async function restartAll(cluster: Cluster): Promise<void> {
  await Promise.all(cluster.replicas.map((replica) => replica.end()))
  await cluster.nats.stop('SIGKILL')
  await cluster.nats.start()
  await Promise.all(cluster.replicas.map((replica) => replica.begin()))
}

test(
  `I2, I4, I5, I12: held calls survive a restart of everything, can be voted on, and expire on time`,
  { timeout: 600_000 + 200 * count },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs: 3000, brieflyFor: `${heldForS}s` })
    const pending = await askHeld(cluster, count)
    assert.equal(pending, count)
    await restartAll(cluster)
    const before = await cluster.evidence()
    const waiting = [...before.calls.values()].filter((history) => history.waiting)
    assert.ok(waiting.length > count / 2, `${waiting.length} calls still wait after the restart`)

    // The last ones asked for are voted on; the rest is left to their alarms.
    const voted = [count - 1, count].map((n) => `held-${n}`)
    for (const key of voted) {
      const answer = await driveCall(cluster, {
        n: Number(key.slice(5)),
        tool: 'brief-read',
        key,
        sequel: 'approve',
        gateway: 1,
      })
      assert.equal(answer.kind === 'result' && answer.status, 'succeeded')
    }
    await until(() => Date.now() > lastExpiry(before), 'the last hold is over', (heldForS + 60) * 1000)
    const evidence = await cluster.settled(240_000)
    assert.deepEqual(checkRun(evidence), [])

    const expired = [...evidence.calls.values()].filter(
      (history) => history.find('denied')?.data.reason.code === 'expired',
    )
    assert.equal(expired.length, count - voted.length)
    const lateMs = expired.map(
      (history) => Date.parse(history.find('denied')!.time) - Date.parse(history.find('held')!.data.approval.expiresAt),
    )
    const [least, most] = [Math.min(...lateMs), Math.max(...lateMs)]
    t.diagnostic(`${count} held calls; alarms rang ${least} to ${most} ms after their time`)
    assert.ok(least >= 0, `an alarm rang ${-least} ms early`)
    assert.ok(most < onTimeMs, `an alarm rang ${most} ms late`)
  },
)

function lastExpiry({ calls }: Awaited<ReturnType<Cluster['evidence']>>): number {
  const instants = [...calls.values()].map((history) => Date.parse(history.find('held')?.data.approval.expiresAt ?? ''))
  return Math.max(...instants.filter((instant) => !Number.isNaN(instant)))
}
