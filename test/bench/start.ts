import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LocalInfo } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { stateLayout } from '../../deploy/local/src/state.ts'

/** From `npm start` to the answer of the first governed call, in milliseconds: with fresh state, and going on with it. */
export interface StartTimes {
  freshMs: number
  againMs: number
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const patienceMs = 60_000

/** Starts Countersign twice as a person does, everything installed, and calls a tool of a published sample server. */
export async function measureStart(): Promise<StartTimes> {
  const dir = mkdtempSync(join(tmpdir(), 'countersign-bench-start-'))
  const state = join(dir, 'state')
  try {
    return { freshMs: await startOnce(state), againMs: await startOnce(state) }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function startOnce(state: string): Promise<number> {
  // A group of its own: it is stopped as Ctrl-C does, with npm.
  const child: ChildProcess = spawn('npm', ['start', '--silent', '--', '--state', state, '--free-ports'], {
    cwd: root,
    stdio: 'ignore',
    detached: true,
  })
  const begun = performance.now()
  try {
    await until(() => answers(state), 'the first governed call is answered', patienceMs)
    return Math.round(performance.now() - begun)
  } finally {
    process.kill(-child.pid!, 'SIGINT')
    await once(child, 'exit')
  }
}

/** Whether a call is answered by now; throws while nothing is there. */
async function answers(state: string): Promise<boolean> {
  const { gateway, tokens } = LocalInfo.parse(JSON.parse(readFileSync(stateLayout(state).local, 'utf8')))
  const params = { name: 'everything_echo', arguments: { message: 'hello' } }
  const response = await fetch(`${gateway}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${tokens.agent}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  })
  return (await response.text()).includes('Echo: hello')
}
