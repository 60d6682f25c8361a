import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOptions, services, settingsOf, usage } from './options.ts'

const told = (env: Record<string, string>) => services.map((_name, place) => settingsOf(readOptions([], env)!, place))

test('settings of the services are passed on, and those of the command line are not', () => {
  const env = { COUNTERSIGN_LOG_LEVEL: 'debug', COUNTERSIGN_TOKEN: 'secret', HOME: '/home/ann' }
  for (const settings of told(env)) assert.deepEqual(settings, { COUNTERSIGN_LOG_LEVEL: 'debug' })
})

test('each service has a health port of its own, as the help says', () => {
  const ports = told({ COUNTERSIGN_HEALTH_PORT: '9464' }).map((settings) => settings.COUNTERSIGN_HEALTH_PORT)
  assert.equal(new Set(ports).size, services.length)
  for (const [place, name] of services.entries()) assert.ok(usage.includes(`${ports[place]} (${name})`))
  assert.deepEqual(told({ COUNTERSIGN_HEALTH_PORT: '0' })[0], {}, 'each takes a free one')
  assert.throws(() => told({ COUNTERSIGN_HEALTH_PORT: '65531' }), /first of 6 ports; 65531 is too high/)
})

test('R14: two things on one port are refused before anything is started, with their names', () => {
  const shared = { COUNTERSIGN_GATEWAY_PORT: '7555', COUNTERSIGN_CONSOLE_PORT: '7555' }
  assert.throws(() => readOptions([], shared), /^UsageError: port 7555 is for gateway and for console; give each/)
  assert.throws(() => readOptions([], { COUNTERSIGN_NATS_PORT: '7420' }), /port 7420 is for gateway and for nats/)
  const health = { COUNTERSIGN_HEALTH_PORT: '7418' }
  assert.throws(() => readOptions([], health), /port 7420 is for the health of lifecycle and for gateway/)
  assert.equal(readOptions(['--free-ports'], {})!.ports.gateway, 0, 'free ones differ')
})
