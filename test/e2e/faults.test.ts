import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { checkHistory, readCalls } from '../faults/check/check-history.ts'
import { callTool } from './clients.ts'
import { type Stack, startStack } from './stack.ts'

/** What callers ask, and what the answer has in it. */
type Ask = (number: number) => { tool: string; args: Record<string, unknown>; expected: string }

const echo: Ask = (number) => {
  const message = `load ${number}`
  return { tool: 'everything_echo', args: { message }, expected: message }
}

/** Keeps calling until told to stop; counts answers and clear refusals. Anything else is a failure. */
function startLoad(stack: Stack, callers: number, ask = echo) {
  const url = `${stack.info.gateway}/mcp`
  const seen = { answered: 0, refused: 0, odd: [] as string[] }
  let going = true
  let sent = 0
  const caller = async () => {
    while (going) {
      const { tool, args, expected } = ask(++sent)
      try {
        const result = await callTool(url, stack.info.tokens.agent, tool, args)
        if (!result.isError && result.content[0].text.includes(expected)) seen.answered += 1
        else if (result.isError && result.structuredContent.code) seen.refused += 1
        else seen.odd.push(JSON.stringify(result))
      } catch (error) {
        const { rpc } = error as { rpc?: { data?: { code?: string } } }
        // The gateway itself may be the one that is away: then there is no HTTP answer at all.
        if (rpc?.data?.code || /fetch failed|terminated|other side closed/.test(String(error))) seen.refused += 1
        else seen.odd.push(String(error))
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }
  const done = Promise.all(Array.from({ length: callers }, caller))
  return {
    seen,
    async stop() {
      going = false
      await done
    },
  }
}

async function assertSound(stack: Stack): Promise<number> {
  const auditor = await stack.auditor()
  const calls = await until(
    async () => {
      const read = await readCalls(auditor)
      return [...read.values()].every(({ final }) => final !== undefined) && read
    },
    'every call has ended',
    90_000,
  )
  const pem = readFileSync(stack.state.layout.grantPublicKeys, 'utf8')
  for (const history of calls.values()) assert.deepEqual(checkHistory(history, pem), [])
  return calls.size
}

test(
  'R16: NATS away for 10 s under load: nothing lost, nothing twice, and all recovers alone',
  { timeout: 240_000 },
  async (t) => {
    const stack = await startStack(t)
    const load = startLoad(stack, 8)
    await until(() => load.seen.answered > 20, 'calls flow')
    // Stopped in its tracks, as an overloaded machine would; then killed, as a crash would.
    process.kill(stack.pid('nats-server'), 'SIGSTOP')
    await new Promise((resolve) => setTimeout(resolve, 10_000))
    process.kill(stack.pid('nats-server'), 'SIGCONT')
    const afterStop = load.seen.answered
    await until(() => load.seen.answered > afterStop + 20, 'calls flow again', 60_000)
    const pid = stack.pid('nats-server')
    process.kill(pid, 'SIGKILL')
    await until(() => stack.pid('nats-server') !== pid, 'nats-server is started again')
    const afterKill = load.seen.answered
    await until(() => load.seen.answered > afterKill + 20, 'calls flow once more', 60_000)
    await load.stop()
    assert.deepEqual(load.seen.odd, [])
    const calls = await assertSound(stack)
    assert.ok(calls >= load.seen.answered)
  },
)

test('I12: each service is killed under load, and every call ends once', { timeout: 240_000 }, async (t) => {
  const stack = await startStack(t)
  const load = startLoad(stack, 8)
  await until(() => load.seen.answered > 20, 'calls flow')
  for (const name of ['agent-executor', 'policy', 'gateway', 'audit', 'lifecycle']) {
    const pid = stack.pid(name)
    process.kill(pid, 'SIGKILL')
    await until(() => stack.pid(name) !== pid, `${name} is started again`)
    const before = load.seen.answered
    await until(() => load.seen.answered > before + 20, `calls flow again after ${name}`, 60_000)
  }
  await load.stop()
  assert.deepEqual(load.seen.odd, [])
  await assertSound(stack)
})

test(
  'I5: lifecycle is replaced under load, and no call to a stdio server that it runs fails',
  { timeout: 240_000 },
  async (t) => {
    const stack = await startStack(t)
    const load = startLoad(stack, 8, () => ({
      tool: 'files_list_allowed_directories',
      args: {},
      expected: stack.workspace,
    }))
    for (let round = 0; round < 2; round++) {
      const flowing = load.seen.answered
      await until(() => load.seen.answered > flowing + 20, 'calls flow', 60_000)
      const pid = stack.pid('lifecycle')
      process.kill(pid, 'SIGTERM')
      await until(() => stack.pid('lifecycle') !== pid, 'lifecycle is started again')
      const before = load.seen.answered
      await until(() => load.seen.answered > before + 20, 'calls flow again', 60_000)
    }
    await load.stop()
    assert.deepEqual([load.seen.odd, load.seen.refused], [[], 0])
    await assertSound(stack)
  },
)
