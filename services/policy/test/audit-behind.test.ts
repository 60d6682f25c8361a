import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consumers, verbs } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { startWorld, untilState } from './policy-world.ts'

type World = Awaited<ReturnType<typeof startWorld>>
type Policy = Awaited<ReturnType<World['start']>>

/** Asks for calls until one is denied for want of audit; resolves to what its caller is told. */
async function untilRefused(world: World): Promise<string> {
  return until(
    async () => {
      const { at } = await world.request({})
      const { reason } = (await untilState(world.gateway, at, 'denied')).find('denied')!.data
      return reason.code === 'audit_behind' && reason.message
    },
    'calls are refused',
    20_000,
  )
}

/** What readiness, metrics and `api.policy.status` say of audit. */
async function said({ console }: World, { expectations, telemetry }: Policy) {
  const { audit } = await console.callApi(verbs.policy.status, {})
  const lines = (await telemetry.metricsText()).split('\n')
  const refusing = lines.filter((line) => line.startsWith('countersign_policy_refusing{') && line.endsWith(' 1'))
  return { audit, refusing, why: expectations.why['audit within its bounds'] }
}

/** Audit, come back: takes and acknowledges everything. */
function sealAll(bus: Awaited<ReturnType<World['connect']>>) {
  return bus.consumeBatches({
    stream: consumers.audit.stream,
    consumer: consumers.audit.name,
    maxBatch: 100,
    lingerMs: 0,
    handler: async () => {},
    onProblem: (error) => assert.fail(String(error)),
  })
}

test('I7, R31: too many events wait for audit: calls are refused with the numbers, and taken again when it has sealed', async (t) => {
  const world = await startWorld(t, undefined, { auditMaxLag: 2 })
  for (let n = 0; n < 3; n++) await world.request({ n })
  const policy = await world.start()
  const message = await untilRefused(world)
  assert.match(
    message,
    /^no new call is taken, because the audit log is too far behind: \d+ events wait to be sealed, and at most 2 may; nothing ran, ask again later/,
  )
  const { audit, refusing, why } = await said(world, policy)
  assert.equal(audit.state, 'behind')
  assert.equal(audit.maxEvents, 2)
  assert.ok(audit.events! > 2)
  assert.match(refusing.join(), /reason="audit_events"/)
  assert.equal(refusing.length, 1)
  assert.equal(why, audit.reason)
  assert.match(await policy.telemetry.metricsText(), /countersign_policy_decisions_total\{[^}]*code="audit_behind"/)

  const consumption = sealAll(await world.connect('audit'))
  t.after(() => consumption.stop())
  await until(() => policy.expectations.awaited.length === 0, 'audit is within its bounds', 20_000)
  const { at } = await world.request({})
  await untilState(world.gateway, at, 'allowed')
  assert.deepEqual((await said(world, policy)).refusing, [])
})

test('I7, R31: one event that waits too long for audit is enough, however few wait', async (t) => {
  const world = await startWorld(t, undefined, { auditMaxAgeMs: 1000 })
  const policy = await world.start()
  const { at } = await world.request({})
  await untilState(world.gateway, at, 'allowed')
  // Nobody seals: it is as if audit were stopped, or its disk full.
  await until(() => policy.expectations.awaited.length > 0, 'audit is behind', 20_000)
  const message = await untilRefused(world)
  assert.match(message, /an event has been waiting to be sealed for \d+ s, and at most 1 s is allowed; nothing ran/)
  const { audit, refusing } = await said(world, policy)
  assert.ok(audit.oldestMs! > 1000)
  assert.match(refusing.join(), /reason="audit_age"/)
})
