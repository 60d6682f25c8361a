import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bus } from '@countersign/bus'
import { type Cleanup, startTestBus } from '@countersign/testing'
import { createLogger } from '@countersign/telemetry'
import { deadOf, ExportState } from '../src/export/export-state.ts'
import { Exports } from '../src/export/exports.ts'
import { RecordChanges } from '../src/export/record-changes.ts'
import { readSealed } from '../src/record/encrypt/read-sealed.ts'
import { auditFolder, openTestLog, testRecords } from './harness.ts'

/** A request that a receiver got. */
export interface Received {
  headers: Record<string, string>
  body: string
}

/**
 * A real HTTP server that answers as it is told; what it answered 2xx is kept.
 *
 * @param maxBytes a body that is longer is not read: 413, and the connection is closed
 */
export async function startReceiver(
  t: Cleanup,
  answer: (received: Received, response: ServerResponse) => void,
  maxBytes = Infinity,
) {
  const taken: Received[] = []
  const listen = async (request: IncomingMessage, response: ServerResponse) => {
    if (Number(request.headers['content-length']) > maxBytes) {
      response.writeHead(413, { connection: 'close' }).end('too large', () => request.socket.destroy())
      return
    }
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const received = { headers: request.headers as Record<string, string>, body: Buffer.concat(chunks).toString() }
    answer(received, response)
    if (response.writableEnded && response.statusCode < 300) taken.push(received)
  }
  const server = createServer((request, response) => void listen(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, taken }
}

/** The ids in the bodies of webhooks, in the order they came. */
export function idsIn(received: readonly Received[]): string[] {
  return received.flatMap(({ body }) => {
    const { data } = JSON.parse(body) as { data: { records: { id: string }[] } }
    return data.records.map(({ id }) => id)
  })
}

export const idsUpTo = (count: number, from = 0) =>
  Array.from({ length: count - from }, (_, place) => `audit.default.${from + place}`)

export const exportDocument = (name: string, spec: object) =>
  JSON.stringify({
    apiVersion: 'countersign.dev/v1alpha1',
    kind: 'AuditExport',
    metadata: { name },
    spec,
  })

/** A person who may settle dead letters of a tenant. */
export const operatorOf = (tenant: string) => ({ id: 'olga', tenant, groups: ['operators'] })

/** Exports over a log, in this process, with the real bus for what they remember. */
export async function startExports(t: Cleanup, count = 0) {
  const root = await mkdtemp(join(tmpdir(), 'countersign-exports-'))
  const secretFile = join(root, 'secret')
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  await writeFile(secretFile, `${secret}\n`)
  const [log, testBus] = await Promise.all([auditFolder(t).then(openTestLog), startTestBus(t)])
  const bus = await testBus.connect('audit')
  let written = 0
  const append = async (more: number, of?: Parameters<typeof testRecords>[2]) => {
    await log.append(testRecords(more, written + 1, of))
    written += more
  }
  await append(count)
  const dir = join(root, 'exports')
  await mkdir(dir)
  const logger = createLogger('exports', 'silent')
  const open: Exports[] = []
  let state: ExportState
  t.after(async () => {
    await Promise.all(open.map((exports) => exports.stop()))
    await log.close()
    await rm(root, { recursive: true, force: true })
  })
  return {
    dir,
    root,
    log,
    loseBucket: () => testBus.loseBucket('exports'),
    bus,
    secret,
    secretFile,
    logger,
    append,
    write: (name: string, spec: object) => writeFile(join(dir, `${name}.yaml`), exportDocument(name, spec)),
    /** All that is set aside of the tenant `default`, and not only what a view shows. */
    letters: (name: string) => [...deadOf(state.of(name), 'default').values()],
    async start({ store, ...more }: { maxDeadLetters?: number; store?: Bus['store'] } = {}) {
      const bucket = await bus.bucket('exports')
      state = new ExportState(bucket)
      const changes = new RecordChanges({ bucket, bus: store ? { store } : bus, logger, platformTenant: 'default' })
      await changes.start()
      const exports = new Exports({
        dir,
        platformTenant: 'default',
        log,
        state,
        ...{ logger, changes },
        openSealed: (text) => readSealed(text),
        onCount: () => {},
        backoff: { firstMs: 10, mostMs: 40 },
        ...more,
      })
      await exports.start()
      const stop = exports.stop.bind(exports)
      exports.stop = () => stop().then(() => changes.stop())
      open.push(exports)
      return exports
    },
  }
}
