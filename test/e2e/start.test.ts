import assert from 'node:assert/strict'
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { LocalInfo } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { commandOf } from '../../deploy/local/src/nats.ts'
import { stateLayout } from '../../deploy/local/src/state.ts'
import { callTool } from './clients.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** `npm start`, as a person runs it. */
function npmStart(t: TestContext, args: string[], env: Record<string, string> = {}) {
  const child: ChildProcess = spawn('npm', ['start', '--silent', '--', ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const exited = once(child, 'exit') as Promise<[number | null]>
  // A test that fails leaves nothing running, and does not hang.
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    process.kill(-child.pid!, 'SIGINT')
    await exited
  })
  return {
    output: () => output,
    exited,
    /** Ctrl-C: the terminal signals the whole group. */
    async interrupt() {
      process.kill(-child.pid!, 'SIGINT')
      await exited
    },
  }
}

const read = async (info: LocalInfo, path: string) => {
  const result = await callTool(`${info.gateway}/mcp`, info.tokens.agent, 'files_read_text_file', { path })
  return result.content[0].text as string
}

test(
  'R14, R36: npm start brings all of it up, Ctrl-C stops all of it, and starting again continues',
  { timeout: 120_000 },
  async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'countersign-start-'))
    t.after(() => rm(dir, { recursive: true, force: true }))
    const state = join(dir, 'state')
    const local = join(state, 'local.json')
    const info = () => LocalInfo.parse(JSON.parse(readFileSync(local, 'utf8')))

    const first = npmStart(t, ['--state', state, '--free-ports'])
    await until(() => first.output().includes('Try it'), 'the screen shows', 60_000)
    const one = info()
    for (const shown of [
      `${one.gateway}/mcp`,
      one.tokens.agent,
      one.tokens.approver,
      'claude mcp add',
      'mcpServers',
      '--method tools/list',
    ]) {
      assert.ok(first.output().includes(shown), shown)
    }
    // As somebody copies it: the line, and the one it goes on with.
    const [byHand] = /npx -y @modelcontextprotocol.*\n.*/.exec(first.output()) ?? assert.fail('no line to try by hand')
    const { stdout } = await promisify(execFile)('sh', ['-c', byHand], { cwd: root })
    const { tools } = JSON.parse(stdout) as { tools: { name: string }[] }
    assert.ok(tools.some(({ name }) => name === 'files_read_text_file'))
    assert.equal(statSync(local).mode & 0o777, 0o600)
    const welcome = join(state, 'workspace', 'welcome.txt')
    await until(
      async () => (await read(one, welcome).catch(() => '')) === readFileSync(welcome, 'utf8'),
      'an agent can read',
    )
    const held = await callTool(`${one.gateway}/mcp`, one.tokens.agent, 'files_write_file', {
      path: join(state, 'workspace', 'x'),
      content: 'x',
    })
    await first.interrupt()
    assert.match(first.output(), /stopped/)
    await assert.rejects(fetch(`${one.gateway}/mcp`), 'nothing listens any more')

    const dead = [
      'apiVersion: mcp.x-k8s.io/v1beta1',
      'kind: MCPServer',
      'metadata: { name: dead }',
      'spec: { source: { type: Url, url: { url: "http://127.0.0.1:9/mcp" } } }',
    ]
    writeFileSync(join(state, 'servers', 'dead.yaml'), dead.join('\n'))
    const second = npmStart(t, ['--state', state, '--free-ports'])
    await until(() => second.output().includes('Try it'), 'the screen shows again', 60_000)
    assert.match(second.output(), /dead +not ready: /)
    assert.match(second.output(), /files +ready, \d+ tools/)
    const two = info()
    assert.deepEqual(two.tokens, one.tokens)
    const { callId, digest } = held.structuredContent
    const vote = await fetch(`${two.console}/api/v1/approvals/${callId}/votes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${two.tokens.approver}`, 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve', digest }),
    })
    assert.equal(vote.status, 200, await vote.text())
    await until(
      () => existsSync(join(state, 'workspace', 'x')),
      'what was held before the restart runs when it is approved',
    )
    await second.interrupt()

    const third = npmStart(t, ['--state', state, '--free-ports', '--fresh'])
    await until(() => third.output().includes('Try it'), 'the screen shows once more', 60_000)
    assert.notDeepEqual(info().tokens, one.tokens)
    assert.ok(!existsSync(join(state, 'workspace', 'x')))
    await third.interrupt()
  },
)

/** The processes that a process started, by their ids, and theirs. */
function descendantsOf(pid: number): number[] {
  const all = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  const pairs = all.map((line) => line.trim().split(/\s+/).map(Number) as [number, number])
  const of = (parent: number): number[] =>
    pairs.filter(([, ppid]) => ppid === parent).flatMap(([child]) => [child, ...of(child)])
  return of(pid)
}

test(
  'R14, R41: when the launcher is killed, services and tool servers end, and the next start ends its nats-server',
  { timeout: 120_000 },
  async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'countersign-start-'))
    t.after(() => rm(dir, { recursive: true, force: true }))
    const state = join(dir, 'state')
    const first = npmStart(t, ['--state', state, '--free-ports'])
    await until(() => first.output().includes('Try it'), 'the screen shows', 60_000)
    const { pid, nats } = stateLayout(state)
    const launcher = Number(readFileSync(pid, 'utf8'))
    const store = Number(readFileSync(join(nats, 'nats-server.pid'), 'utf8'))
    const started = descendantsOf(launcher)
    // Six services, the database of audit's index, the bridge of one tool server and the other, and nats-server.
    assert.ok(started.length >= 10, `${started.length} processes`)
    process.kill(launcher, 'SIGKILL')
    await first.exited
    await until(() => started.every((each) => each === store || commandOf(each) === ''), 'all of it is gone', 30_000)
    const second = npmStart(t, ['--state', state, '--free-ports'])
    await until(() => second.output().includes('Try it'), 'the screen shows again', 60_000)
    assert.equal(commandOf(store), '')
    await second.interrupt()
  },
)

test('R14: a port that is taken and a missing server binary are said plainly', { timeout: 60_000 }, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-start-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => void other.close())
  const { port } = other.address() as { port: number }

  const taken = npmStart(t, ['--state', join(dir, 'a'), '--free-ports'], { COUNTERSIGN_GATEWAY_PORT: String(port) })
  assert.equal((await taken.exited)[0], 1)
  assert.match(taken.output(), new RegExp(`port ${port} \\(gateway\\) is taken`))

  const missing = npmStart(t, ['--state', join(dir, 'b'), '--free-ports'], {
    COUNTERSIGN_NATS_SERVER: '/nowhere/nats-server',
  })
  assert.equal((await missing.exited)[0], 1)
  assert.match(missing.output(), /COUNTERSIGN_NATS_SERVER cannot be used/)

  const unknown = npmStart(t, ['--frsh'])
  assert.equal((await unknown.exited)[0], 2)
  assert.match(unknown.output(), /--fresh/)
})

test('R14: what npm start can be told is shown before anything is installed', async (t) => {
  const bare = await mkdtemp(join(tmpdir(), 'countersign-bare-'))
  t.after(() => rm(bare, { recursive: true, force: true }))
  const needed = ['package.json', 'deploy/local/start.sh', 'deploy/local/usage.txt']
  for (const file of needed) await cp(join(root, file), join(bare, file))
  for (const option of ['--help', '-h']) {
    const { stdout } = await promisify(execFile)('npm', ['start', '--silent', '--', option], { cwd: bare })
    assert.equal(stdout, readFileSync(join(root, 'deploy/local/usage.txt'), 'utf8'))
  }
  assert.ok(!existsSync(join(bare, 'node_modules')))
})
