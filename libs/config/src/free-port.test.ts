import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { freePort, isPortFree } from './free-port.ts'

test('R40: free ports are none of those that the system gives away by itself, and none is given twice', async () => {
  const ports = await Promise.all(Array.from({ length: 300 }, freePort))
  assert.equal(new Set(ports).size, ports.length)
  const [first, last] = givenAway()
  assert.deepEqual(
    ports.filter((port) => port < 1024 || (port >= first && port <= last)),
    [],
  )
})

test('R40: a port that somebody listens on is not given', async (t) => {
  const other = createServer()
  t.after(() => other.close())
  let taken = 10_000
  // One that was not given: such a port would be passed over without a look.
  do taken += 1
  while (!(await isPortFree(taken)))
  await once(other.listen(taken, '127.0.0.1'), 'listening')
  assert.equal(await isPortFree(taken), false)
  const chance = [(taken - 10_000) / 20_000, 0.7, 0.8, 0.9]
  const random = t.mock.method(Math, 'random', () => chance.shift())
  assert.ok((await freePort()) >= 24_000)
  assert.ok(random.mock.callCount() >= 2)
})

/** First and last of the ports that the system gives away. */
function givenAway(): [number, number] {
  if (process.platform !== 'linux') return [49_152, 65_535]
  const [first, last] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number)
  return [first!, last!]
}
