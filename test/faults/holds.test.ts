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
const heldForS = Number(process.env.FAULTS_HELD_FOR_S ?? 35 + Math.ceil(count / 100))
/** An alarm that rings later than this is not on time, however busy the machine. */
const onTimeMs = 10_000
/** Ninety-nine of a hundred ring earlier than this. */
const mostlyOnTimeMs = 5000

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
    const askedAt = Date.now()
    const pending = await askHeld(cluster, count)
    assert.equal(pending, count)
    const killedAt = Date.now()
    await restartAll(cluster)
    const restartedAt = Date.now()
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
    const rung = expired.map((history) => ({
      at: Date.parse(history.find('denied')!.time),
      dueAt: Date.parse(history.find('held')!.data.approval.expiresAt),
    }))
    const earliestMs = Math.min(...rung.map(({ at, dueAt }) => at - dueAt))
    // What was due while everything was down was due when it was up again.
    const lateMs = rung
      .filter(({ at }) => at >= restartedAt)
      .map(({ at, dueAt }) => at - Math.max(dueAt, restartedAt))
      .toSorted((a, b) => a - b)
    const [middle, late, latest] = [0.5, 0.99, 1].map((part) => lateMs[Math.ceil(part * lateMs.length) - 1]!)
    t.diagnostic(
      `${new Date().toISOString().slice(0, 10)}: ${count} calls were held within ${killedAt - askedAt} ms; ${restartedAt - killedAt} ms later, after the restart, ${waiting.length} waited`,
    )
    t.diagnostic(
      `${lateMs.length} alarms rang after that: half of them at most ${middle} ms after their time, 99 of 100 at most ${late}, all at most ${latest}`,
    )
    assert.ok(earliestMs >= 0, `an alarm rang ${-earliestMs} ms early`)
    assert.ok(late! < mostlyOnTimeMs, `one alarm of a hundred rang ${late} ms late or later`)
    assert.ok(latest! < onTimeMs, `an alarm rang ${latest} ms late`)
  },
)

function lastExpiry({ calls }: Awaited<ReturnType<Cluster['evidence']>>): number {
  const instants = [...calls.values()].map((history) => Date.parse(history.find('held')?.data.approval.expiresAt ?? ''))
  return Math.max(...instants.filter((instant) => !Number.isNaN(instant)))
}
