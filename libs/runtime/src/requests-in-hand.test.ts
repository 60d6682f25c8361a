import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { RequestsInHand } from './requests-in-hand.ts'

test('R41: a server that ends answers what it has in hand, and no connection that is kept alive holds it', async () => {
  const asked = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    if (request.url === '/slow') {
      asked.resolve()
      void setTimeout(300).then(() => response.end('slow'))
    } else response.end('prompt')
  })
  const inHand = new RequestsInHand(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const agent = new Agent({ keepAlive: true })
  const ask = async (path: string) => {
    const [response] = (await once(get(`${address}${path}`, { agent }), 'response')) as [IncomingMessage]
    const chunks = await response.toArray()
    return chunks.join('')
  }
  assert.equal(await ask('/'), 'prompt')
  const slow = ask('/slow')
  await asked.promise
  const idle = get(address, { agent: new Agent({ keepAlive: true }) })
  await once(idle, 'response').then(([response]) => (response as IncomingMessage).resume())
  const closed = inHand.finish(() => new Promise<void>((resolve) => server.close(() => resolve())))
  assert.equal(await slow, 'slow')
  await closed
  agent.destroy()
})
