import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '@countersign/config'
import { until } from '@countersign/testing'
import {
  changing,
  conditionOf,
  document,
  makeWorld,
  programs,
  stdio,
  untilVerified,
  type World,
} from './start-lifecycle.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

function run(world: World, logLevel = 'info'): ChildProcess {
  const passwordFile = join(world.dir, 'password')
  writeFileSync(passwordFile, world.testBus.server.passwords.lifecycle)
  const child = spawn(process.execPath, [main], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env.PATH,
      COUNTERSIGN_NATS_URL: world.testBus.server.url,
      COUNTERSIGN_NATS_PASSWORD_FILE: passwordFile,
      COUNTERSIGN_SERVERS_DIR: world.serversDir,
      COUNTERSIGN_RUN_DIR: join(world.dir, 'run'),
      COUNTERSIGN_PATH_PREPEND: programs,
      COUNTERSIGN_LOG_LEVEL: logLevel,
    },
  })
  world.atEnd(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  return child
}

/** What a process wrote on standard error so far. */
function logOf(child: ChildProcess): () => string {
  let log = ''
  child.stderr!.on('data', (chunk: Buffer) => (log += chunk))
  return () => log
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test(
  'I9, I12: a killed lifecycle leaves nothing behind for long, and goes on where it was',
  { timeout: 60_000 },
  async (t) => {
    const world = await makeWorld(t)
    const files = join(realpathSync(world.dir), 'files')
    mkdirSync(files)
    const { document: http } = await changing('http', await freePort())
    world.write('files.yaml', document('files', stdio('mcp-server-filesystem', files)))
    world.write('http.yaml', http)
    const leaky = 'console.error("the key is " + process.env.KEY); process.exit(7)'
    const env = [{ name: 'KEY', value: 'very-secret' }]
    world.write('leaky.yaml', document('leaky', stdio('node', '-e', leaky), { env }))
    const first = run(world)
    const log = logOf(first)
    const before = await Promise.all([untilVerified(world, 'files'), untilVerified(world, 'http')])
    await until(() => /exit code 7/.test(world.server('leaky')?.conditions[1]?.message ?? ''), 'the leaky one ended')
    const [bridge, orphan] = before.map(({ pid }) => pid!) as [number, number]
    const pinnedAt = world.tool('http', 'one')?.pinned?.at
    first.kill('SIGKILL')
    await once(first, 'exit')
    await until(() => !isAlive(bridge), 'the bridge went with it')
    assert.ok(isAlive(orphan), 'what does not watch its parent goes on')
    // A note whose process id is somebody else's by now must not hurt them.
    const note = JSON.parse(readFileSync(join(world.dir, 'run', 'http.pid'), 'utf8')) as {
      pid: number
      identity: string
    }
    writeFileSync(join(world.dir, 'run', 'old.pid'), JSON.stringify({ ...note, pid: process.pid }))

    // I9: what a server says at its end is logged, without what its document gave it.
    assert.match(log(), /the key is \[secret\]/)
    assert.doesNotMatch(log(), /very-secret/)
    // And it is told where people look first.
    const { message } = world.server('leaky')!.conditions[1]!
    assert.match(message, /it ended with exit code 7, and wrote: the key is \[secret\]/)
    world.remove('leaky.yaml')

    const second = run(world)
    second.stderr!.resume()
    const after = await Promise.all(
      ['files', 'http'].map((name, index) =>
        until(() => {
          const entry = world.server(name)
          return entry?.pid !== before[index]!.pid && conditionOf(entry, 'Verified') === 'True/Verified'
            ? entry
            : undefined
        }, `${name} runs anew`),
      ),
    )
    await until(() => !isAlive(orphan), 'the orphan is gone')
    assert.equal(world.tool('http', 'one')?.pinned?.at, pinnedAt)
    second.kill('SIGTERM')
    assert.deepEqual(await once(second, 'exit'), [0, null])
    for (const { pid } of after) assert.ok(!isAlive(pid!))
    assert.equal(conditionOf(world.server('http'), 'Available'), 'False/DeploymentUnavailable')
  },
)

test('I9: however a server prints what its document gave it, it is not in the log', { timeout: 60_000 }, async (t) => {
  const world = await makeWorld(t)
  const lines = ['A', 'b', '7'].map((letter) => letter.repeat(64))
  writeFileSync(
    join(world.dir, 'key'),
    ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----'].join('\n'),
  )
  writeFileSync(join(world.dir, 'password'), 'pass"word\\1')
  const env = [
    { name: 'KEY', valueFrom: { file: '../key' } },
    { name: 'PASSWORD', valueFrom: { file: '../password' } },
    { name: 'PLAIN', value: 'setting-"of"-mine' },
  ]
  const leaky = `
      for (const print of [console.error, console.log]) {
        for (const line of process.env.KEY.split('\\n')) print('line: ' + line)
        const { PASSWORD, PLAIN } = process.env
        // Not the whole environment: a log line has an end, and PATH is long.
        print('in JSON: ' + JSON.stringify({ PASSWORD, PLAIN }))
      }
      process.exitCode = 7`
  const command = ['node', '-e', leaky]
  world.write('stdio.yaml', document('stdio', stdio(...command), { env }))
  const source = { type: 'Command', command: { run: command, transport: 'streamable-http' } }
  world.write('http.yaml', document('http', source, { env, port: await freePort() }))
  const child = run(world, 'debug')
  const log = logOf(child)
  for (const name of ['stdio', 'http'])
    await until(() => /exit code 7/.test(world.server(name)?.conditions[1]?.message ?? ''), `${name} ended`)
  await until(() => log().match(/the process of a server is gone/g)?.[1], 'both ends are in the log')

  assert.match(log(), /line: \[secret\]/)
  assert.match(log(), /in JSON: .*PASSWORD[^A-Z]*\[secret\]/)
  for (const part of [...lines, 'PRIVATE KEY', 'word', 'setting-', '-mine'])
    assert.ok(!log().includes(part), `${part} is in the log`)
})
