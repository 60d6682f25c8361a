import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { legacyEra } from '@countersign/mcp'
import { Answer } from './answer.ts'

test('the stream of a call that was withdrawn ends at once, and what comes later is not said', async (t) => {
  const answers: Answer[] = []
  const server = createServer((_request, response) => {
    const answer = new Answer(response, { id: 1, era: legacyEra })
    if (answers.push(answer) === 2) answer.notify('notifications/progress', { progress: 1 })
    answer.silence()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
  })
  const texts: string[] = []
  for (let index = 0; index < 2; index++) {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'text/event-stream'])
    // Ends although the tool has not.
    texts.push(await response.text())
    answers[index]!.notify('notifications/progress', { progress: 2 })
    answers[index]!.result({ content: [] })
  }
  assert.equal(texts[0], '')
  assert.match(texts[1]!, /^event: message\ndata: .*"progress":1.*\n\n$/)
})
