import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { test } from 'node:test'
import { bundleServices, programsOf } from './bundle.ts'
import { services } from './options.ts'

test('each service starts from its bundle, which is made once for the same sources', async () => {
  const programOf = await bundleServices()
  const made = services.map((service) => statSync(programOf(service)).ino)
  const again = await bundleServices()
  assert.deepEqual(
    services.map((service) => statSync(again(service)).ino),
    made,
  )
  for (const service of services) {
    const { stderr, status } = spawnSync(process.execPath, [programOf(service)], { env: {}, encoding: 'utf8' })
    assert.match(stderr, /COUNTERSIGN_NATS_PASSWORD_FILE is missing/, 'it has got as far as its settings')
    assert.equal(status, 2)
  }
})

test('where nothing can be bundled the services start from their sources, and why is told', async () => {
  const told: string[] = []
  const programOf = await programsOf(
    (line) => told.push(line),
    () => Promise.reject(new Error('no bundler for this machine')),
  )
  assert.match(programOf('audit'), /services.audit.src.main\.ts$/)
  assert.deepEqual(told, [
    'the services start from their sources, which takes longer, because they could not be bundled: no bundler for this machine',
  ])
})
