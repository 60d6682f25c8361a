import { spawn } from 'node:child_process'
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@countersign/config'
import type { Cleanup } from './test-bus.ts'
import { until } from './until.ts'

/** A witness, and the key its cosignatures verify with. */
export interface TestWitness {
  url: string
  publicKey: KeyObject
  /** Its name, in its key and its cosignatures. */
  name: string
  /** Ends it, and starts it again with what it had seen. */
  stop(): Promise<void>
  start(): Promise<void>
}

/**
 * A real witness that knows some logs; it goes away with the test.
 *
 * @param logs their verifier keys, under the names that are their origins
 */
export async function startWitness(
  t: Cleanup,
  binary: string,
  { name, logs }: { name: string; logs: readonly string[] },
): Promise<TestWitness> {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-witness-'))
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const keyFile = join(dir, 'key')
  await writeFile(keyFile, noteKey(privateKey, publicKey, name), { mode: 0o600 })
  const logsFile = join(dir, 'logs.yaml')
  const entries = logs.map((vkey) => ({ Origin: vkey.split('+')[0], URL: '', PublicKey: vkey }))
  // JSON is YAML.
  await writeFile(logsFile, JSON.stringify({ Logs: entries }))
  const [port, metrics] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${port}/`
  const args = ['--private_key_path', keyFile, '--db_file', join(dir, 'witness.db'), '--additional_logs', logsFile]
  args.push('--listen', `127.0.0.1:${port}`, '--metrics_listen', `127.0.0.1:${metrics}`)
  let end = () => Promise.resolve()
  const start = async () => {
    const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4000)))
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    end = async () => {
      child.kill('SIGKILL')
      await exited
    }
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`the witness ended:\n${output}`)
      return await fetch(url).then(
        () => true,
        () => false,
      )
    }, 'the witness answers')
  }
  t.after(async () => {
    await end()
    await rm(dir, { recursive: true, force: true })
  })
  await start()
  return { url, publicKey, name, start, stop: () => end() }
}

/** A private key as Go's note package writes it. */
function noteKey(privateKey: KeyObject, publicKey: KeyObject, name: string): string {
  const [seed, point] = [privateKey.export({ format: 'jwk' }).d!, publicKey.export({ format: 'jwk' }).x!]
  const typed = (key: string) => Buffer.concat([Buffer.of(1), Buffer.from(key, 'base64url')])
  const id = createHash('sha256').update(`${name}\n`).update(typed(point)).digest('hex').slice(0, 8)
  return `PRIVATE+KEY+${name}+${id}+${typed(seed).toString('base64')}`
}
