import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { WatchedFile } from '@countersign/config'
import { subjects, ToldFaults } from '@countersign/contracts'
import { Expectations, Parts } from '@countersign/runtime'
import { createLogger, startTelemetry } from '@countersign/telemetry'
import { newGrantSigner, startTestBus, until } from '@countersign/testing'
import { executorParts } from '../src/service.ts'

test('I4, R33: an executor without calls tells the console that its file of grant keys cannot be used, and what to do', async (t) => {
  // Hooks run in the order they are added: the executor ends while its bus is there.
  let end = async () => {}
  t.after(() => end())
  const { connect, dir } = await startTestBus(t)
  const keysFile = join(dir, 'grant.pub.pem')
  const { publicPem } = newGrantSigner()
  writeFileSync(keysFile, publicPem)
  const console = await connect('console')
  let heard: ToldFaults['faults'] = []
  console.listen(subjects.faults('*', '*'), (subject, payload) => {
    assert.match(subject, /^faults\.agent-executor\.[0-9a-f-]{36}$/)
    heard = ToldFaults.parse(JSON.parse(new TextDecoder().decode(payload))).faults
  })
  const bus = await connect('agent-executor')
  const telemetry = startTelemetry('executor-test')
  const parts = new Parts(
    executorParts({ grantPublicKeysFile: keysFile } as never, {
      ...{ bus, telemetry, log: createLogger('test', 'fatal'), expectations: new Expectations() },
    }),
  )
  await parts.start(5000)
  end = async () => {
    await parts.stop(5000)
    await telemetry.stop()
  }
  const hears = (problem: RegExp) => {
    heard = []
    return until(() => heard.some((fault) => problem.test(`${fault.what}: ${fault.problem}`)) && heard, String(problem))
  }
  writeFileSync(keysFile, 'no key')
  const [fault, ...more] = await hears(
    /^public keys of grants: .*grant\.pub\.pem cannot be used: there is no public key in it; .*\(grant_invalid\)/,
  )
  assert.match(fault!.remedy, /^mend the file, .*read again within seconds$/)
  assert.deepEqual(more, [])
  rmSync(keysFile)
  await hears(/^public keys of grants: .*ENOENT/)
  const [told, looked] = [t.mock.method(bus, 'hint'), t.mock.method(WatchedFile.prototype, 'read')]
  const looks = (more: number) => {
    const before = looked.mock.callCount()
    return until(() => looked.mock.callCount() >= before + more, 'the file is looked at')
  }
  writeFileSync(keysFile, publicPem)
  // One that is under way may still tell.
  await looks(2)
  const before = told.mock.callCount()
  await looks(2)
  assert.equal(told.mock.callCount(), before, 'nothing is wrong any more')
})
