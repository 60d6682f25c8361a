import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { get as httpGet } from 'node:http'
import { get as httpsGet } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@countersign/config'
import type { TestCertificate } from './make-certificate.ts'
import type { Cleanup } from './test-bus.ts'
import { until } from './until.ts'

/** A bucket and who may use it. */
export interface TestBucket {
  endpoint: string
  bucket: string
  credentials: { accessKeyId: string; secretAccessKey: string }
}

const answerMs = 2000
const maxTries = 3
const credentials = { accessKeyId: 'test-access', secretAccessKey: 'test-secret-key' }

/** A real S3 server over a temporary folder, with a bucket; it goes away with the test. @param tls speaks HTTPS, with this certificate */
export async function startS3(t: Cleanup, binary: string, tls?: TestCertificate): Promise<TestBucket> {
  const root = await mkdtemp(join(tmpdir(), 'countersign-s3-'))
  const servers: Server[] = []
  t.after(async () => {
    for (const server of servers) await server.end()
    await rm(root, { recursive: true, force: true })
  })
  const [dir, versions] = [join(root, 'buckets'), join(root, 'versions')]
  await mkdir(dir)
  await mkdir(versions)
  const args = [...(tls ? ['--cert', tls.certFile, '--key', tls.keyFile] : []), '--quiet']
  const backend = ['posix', '--sidecar', versions, dir]
  let port: number | undefined
  // Another process may take a port before the server has it.
  while (port === undefined) {
    if (servers.length === maxTries) throw new Error(`the S3 server ended:\n${servers.at(-1)!.said()}`)
    const server = startServer(binary, await freePort(), args, backend)
    servers.push(server)
    port = await server.ready(tls !== undefined)
  }
  await mkdir(join(dir, 'logs'))
  const endpoint = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
  return { endpoint, bucket: 'logs', credentials }
}

interface Server {
  /** Its port once it answers there; undefined when it has ended. */
  ready: (isSecure: boolean) => Promise<number | undefined>
  end: () => Promise<void>
  said: () => string
}

function startServer(binary: string, port: number, args: string[], backend: string[]): Server {
  // No other process answers under a name that nobody else knows.
  const health = `/ready-${randomUUID()}`
  const child = spawn(binary, ['--port', `127.0.0.1:${port}`, '--health', health, ...args, ...backend], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4000)))
  }
  const exited = once(child, 'exit')
  const hasExited = () => child.exitCode !== null || child.signalCode !== null
  return {
    async ready(isSecure) {
      const what = 'the S3 server is ready'
      const there = async () => (hasExited() ? 'ended' : (await isReady(port, health, isSecure)) && 'ready')
      return (await until(there, what)) === 'ready' ? port : undefined
    },
    async end() {
      child.kill('SIGKILL')
      await exited
    },
    said: () => output,
  }
}

function isReady(port: number, path: string, isSecure: boolean): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const options = { host: '127.0.0.1', port, path, rejectUnauthorized: false, timeout: answerMs }
  const request = isSecure ? httpsGet(options) : httpGet(options)
  request.once('response', (response) => resolve(response.resume().statusCode === 200))
  request.once('timeout', () => request.destroy()).once('error', () => resolve(false))
  return promise
}
