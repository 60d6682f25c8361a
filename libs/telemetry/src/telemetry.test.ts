import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { startTelemetry } from './telemetry.ts'

test('metrics are served in the Prometheus text format, durations in the buckets of the MCP conventions', async (t) => {
  const telemetry = startTelemetry('gateway')
  t.after(() => telemetry.stop())
  telemetry.meter.createCounter('countersign.calls').add(2, { outcome: 'succeeded' })
  telemetry.meter.createHistogram('mcp.server.operation.duration', { unit: 's' }).record(0.015)
  const text = await telemetry.metricsText()
  assert.match(text, /^# TYPE countersign_calls_total counter$/m)
  assert.match(text, /^countersign_calls_total\{[^}]*outcome="succeeded"[^}]*\} 2$/m)
  const buckets = [
    ...text.matchAll(/^mcp_server_operation_duration(?:_seconds)?_bucket\{[^}]*le="([^"]+)"[^}]*\} (\d+)$/gm),
  ]
  assert.deepEqual(
    buckets.map(([, bound, count]) => `${bound}:${count}`),
    [
      ...[
        '0.01:0',
        '0.02:1',
        '0.05:1',
        '0.1:1',
        '0.2:1',
        '0.5:1',
        '1:1',
        '2:1',
        '5:1',
        '10:1',
        '30:1',
        '60:1',
        '120:1',
        '300:1',
      ],
      '+Inf:1',
    ],
  )
})

test('without an endpoint spans cost nothing, with one they are sent there', async (t) => {
  const silent = startTelemetry('gateway')
  t.after(() => silent.stop())
  assert.equal(silent.tracer.startSpan('call').isRecording(), false)

  const received: { url: string | undefined; body: string }[] = []
  const collector = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      received.push({ url: request.url, body })
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  collector.listen(0, '127.0.0.1', resolve)
  await promise
  t.after(() => collector.close())
  const { port } = collector.address() as AddressInfo
  const telemetry = startTelemetry('policy', `http://127.0.0.1:${port}/`)
  telemetry.tracer.startSpan('decide').end()
  await telemetry.stop()
  assert.equal(received.length, 1)
  assert.equal(received[0]!.url, '/v1/traces')
  assert.match(received[0]!.body, /countersign-policy/)
  assert.match(received[0]!.body, /decide/)
})

// Less than the ten seconds after which an endpoint that does not answer is given up.
test('R41: spans that their endpoint does not take keep no process from ending', { timeout: 8000 }, async (t) => {
  const asked = Promise.withResolvers<void>()
  const collector = createServer(() => asked.resolve())
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    collector.close()
    collector.closeAllConnections()
  })
  const { port } = collector.address() as AddressInfo
  const telemetry = startTelemetry('policy', `http://127.0.0.1:${port}`)
  telemetry.tracer.startSpan('decide').end()
  await Promise.all([telemetry.stop(), asked.promise])
})
