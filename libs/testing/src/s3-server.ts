import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import type { Cleanup } from './test-bus.ts'
import { until } from './until.ts'

/** A bucket and who may use it. */
export interface TestBucket {
  endpoint: string
  bucket: string
  credentials: { accessKeyId: string; secretAccessKey: string }
}

const credentials = { accessKeyId: 'test-access', secretAccessKey: 'test-secret-key' }

/** A real S3 server over a temporary folder, with a bucket; it goes away with the test. */
export async function startS3(t: Cleanup, binary: string): Promise<TestBucket> {
  const root = await mkdtemp(join(tmpdir(), 'countersign-s3-'))
  const [dir, versions] = [join(root, 'buckets'), join(root, 'versions')]
  await mkdir(dir)
  await mkdir(versions)
  const port = await freePort()
  const child = spawn(binary, ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', '--sidecar', versions, dir], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ROOT_ACCESS_KEY: credentials.accessKeyId,
      ROOT_SECRET_KEY: credentials.secretAccessKey,
    },
  })
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
  const endpoint = `http://127.0.0.1:${port}`
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`the S3 server ended:\n${output}`)
    return await fetch(endpoint).then(
      () => true,
      () => false,
    )
  }, 'the S3 server answers')
  await mkdir(join(dir, 'logs'))
  return { endpoint, bucket: 'logs', credentials }
}
