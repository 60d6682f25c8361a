import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Console } from './console-fixture.ts'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

/** One that follows would go on for ever after the test that interrupts it has failed, and its file would not end. */
const patienceMs = 120_000

/** Starts the command as a person would, in the folder of the console's state; one that does not end is killed. */
export function start(cwd: string, args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [main, ...args], {
    ...{ cwd, env: { PATH: process.env.PATH!, ...env } },
    ...{ timeout: patienceMs, killSignal: 'SIGKILL' },
  })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (said[name] += text))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { said, ended, interrupt: (signal: NodeJS.Signals = 'SIGINT') => child.kill(signal) }
}

/** Runs the command to its end. */
export async function countersign({ dir }: Pick<Console, 'dir'>, ...args: string[]) {
  const { said, ended } = start(dir, args)
  const exit = await ended
  return { exit, ...said, json: () => JSON.parse(said.stdout) }
}
