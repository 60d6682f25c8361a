import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Cleanup, until } from '@countersign/testing'

const run = promisify(execFile)

/** Builds the receivers in Go. @returns the program */
export async function buildReceivers(t: Cleanup, go: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-receivers-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const program = join(folder, 'receivers')
  await run(go, ['build', '-o', program, '.'], { cwd: join(import.meta.dirname, 'receivers'), timeout: 280_000 })
  return program
}

/** Starts one; it says which port it took, and prints what it received. */
export async function startReceiverProcess(t: Cleanup, program: string, ...args: string[]) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const lines = () =>
    output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, any>)
  const [first] = await until(() => (lines().length > 0 ? lines() : undefined), 'the receiver listens')
  return { port: first!['port'] as number, received: () => lines().slice(1), errors: () => errors }
}
