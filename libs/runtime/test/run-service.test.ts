import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { startTestBus, until } from '@countersign/testing'

/** Starts a program of this folder; it is killed with the test. */
function start(t: TestContext, program: string, args: string[]) {
  const child = fork(new URL(program, import.meta.url), args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let log = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (log += text))
  t.after(() => void child.kill('SIGKILL'))
  return { child, says: (text: string) => until(() => log.includes(text), `it says ${text}:\n${log}`) }
}

/** A bus, and the arguments of a service on it. */
async function world(t: TestContext) {
  const { server, dir } = await startTestBus(t)
  const passwordFile = join(dir, 'password')
  writeFileSync(passwordFile, server.passwords.gateway)
  return { server, args: [server.url, passwordFile] }
}

/** How a process ends that is asked to. */
async function ends(child: ChildProcess): Promise<number | NodeJS.Signals> {
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  const [code, signal] = (await exit) as [number, NodeJS.Signals]
  return code ?? signal
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Kills the launcher of a service that says something, and waits until the service is gone. */
async function orphaned(t: TestContext, args: string[], text: string): Promise<void> {
  const launcher = start(t, 'launcher.ts', args)
  const [pid] = (await once(launcher.child, 'message')) as [number]
  t.after(() => void (isAlive(pid) && process.kill(pid, 'SIGKILL')))
  await launcher.says(text)
  launcher.child.kill('SIGKILL')
  await until(() => !isAlive(pid), 'the service is gone')
}

test('R41: a service ends when it is asked to', { timeout: 60_000 }, async (t) => {
  const { args } = await world(t)
  const { child, says } = start(t, 'small-service.ts', args)
  await says('"msg":"started"')
  assert.equal(await ends(child), 0)
})

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  // Less than the client takes to find out by itself that a server does not answer any more.
  test(`R41: a service whose nats-server got ${signal} ends when it is asked to`, { timeout: 30_000 }, async (t) => {
    const { server, args } = await world(t)
    const { child, says } = start(t, 'small-service.ts', args)
    await says('"msg":"started"')
    server.process.kill(signal)
    if (signal === 'SIGKILL') await says('"msg":"bus away"')
    assert.equal(await ends(child), 0)
  })
}

test('R41: a service that waits for its nats-server ends when it is asked to', { timeout: 60_000 }, async (t) => {
  const { server, args } = await world(t)
  await server.stop('SIGKILL')
  const { child, says } = start(t, 'small-service.ts', args)
  await says('health is served')
  assert.equal(await ends(child), 0)
})

test(
  'R41: a service with a part that does not start ends when it is asked to, and names it',
  { timeout: 60_000 },
  async (t) => {
    const { args } = await world(t)
    const { child, says } = start(t, 'small-service.ts', [...args, 'stuck'])
    await says('the part starts')
    assert.equal(await ends(child), 1)
    await says('listening was still busy after the grace period')
  },
)

test('R41: a service whose launcher is killed ends', { timeout: 60_000 }, async (t) => {
  const { args } = await world(t)
  await orphaned(t, args, '"msg":"started"')
})

test(
  'R41: a service whose launcher is killed while it waits for its nats-server ends',
  { timeout: 60_000 },
  async (t) => {
    const { server, args } = await world(t)
    await server.stop('SIGKILL')
    await orphaned(t, args, 'health is served')
  },
)

test('R41: a service whose launcher is killed while it starts ends', { timeout: 60_000 }, async (t) => {
  const { args } = await world(t)
  await orphaned(t, [...args, 'stuck'], 'the part starts')
})

test('R41: a service whose launcher is killed at any moment ends', { timeout: 60_000 }, async (t) => {
  const { args } = await world(t)
  // The launcher has said nothing more than the process id.
  await Promise.all(Array.from({ length: 5 }, () => orphaned(t, args, '')))
})
