import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
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

const credentials = { accessKeyId: 'test-access', secretAccessKey: 'test-secret-key' }

/** A real S3 server over a temporary folder, with a bucket; it goes away with the test. @param tls speaks HTTPS, with this certificate */
export async function startS3(t: Cleanup, binary: string, tls?: TestCertificate): Promise<TestBucket> {
  const root = await mkdtemp(join(tmpdir(), 'countersign-s3-'))
  const [dir, versions] = [join(root, 'buckets'), join(root, 'versions')]
  await mkdir(dir)
  await mkdir(versions)
  const port = await freePort()
  const secure = tls ? ['--cert', tls.certFile, '--key', tls.keyFile] : []
  const child = spawn(
    binary,
    ['--port', `127.0.0.1:${port}`, ...secure, '--quiet', 'posix', '--sidecar', versions, dir],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ROOT_ACCESS_KEY: credentials.accessKeyId,
        ROOT_SECRET_KEY: credentials.secretAccessKey,
      },
    },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4000)))
  }
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
    await rm(root, { recursive: true, force: true })
  })
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`the S3 server ended:\n${output}`)
    return await listens(port)
  }, 'the S3 server listens')
  await mkdir(join(dir, 'logs'))
  const endpoint = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
  return { endpoint, bucket: 'logs', credentials }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true))
    socket.once('error', () => resolve(false)).once('connect', () => socket.destroy())
  })
}
