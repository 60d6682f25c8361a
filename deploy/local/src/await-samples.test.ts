import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { awaitSamples } from './await-samples.ts'

const document = (name: string, source: object) => JSON.stringify({ metadata: { name }, spec: { source } })
const command = { type: 'Command', command: { run: ['x'], transport: 'stdio' } }
const remote = { type: 'Url', url: { url: 'http://127.0.0.1:9/mcp' } }

const ready = (name: string, policies = ['p']) => ({
  name,
  ready: true,
  toolCount: 1,
  quarantinedCount: 0,
  conditions: [],
  policies,
})
const waiting = (name: string, message: string, type = 'Available', status = 'False') => ({
  name,
  ready: false,
  toolCount: 0,
  quarantinedCount: 0,
  conditions: [{ type, status, reason: 'x', message, lastTransitionTime: '2026-11-22T10:00:00Z' }],
})

/** What every folder here has that cannot be read: it keeps nobody from starting. */
const unreadable = ['folder.yaml', 'link.yaml'].map(
  (file) => `${file}: not taken up: its document may be wrong; logs/lifecycle.log says why`,
)

/** Runs it against a console that gives these answers, the last one for ever. */
async function awaited(t: TestContext, documents: Record<string, string>, answers: object[][]) {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-samples-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const [file, text] of Object.entries(documents)) await writeFile(join(folder, file), text)
  await mkdir(join(folder, 'folder.yaml'))
  await symlink(join(folder, 'nothing'), join(folder, 'link.yaml'))
  let asked = 0
  const server = createServer((_request, response) => {
    const servers = answers[Math.min(asked++, answers.length - 1)]
    response.end(JSON.stringify({ servers }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => void server.close())
  const console = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const servers = await awaitSamples({ console }, 't', folder)
  return { asked, told: servers.map(({ name, standing }) => `${name}: ${standing}`) }
}

test('R14: the samples are waited for; a server that is dead is shown as such and keeps nobody waiting', async (t) => {
  const documents = {
    'files.yaml': document('files', command),
    'everything.yaml': document('everything', command),
    'dead.yaml': document('dead', remote),
    'broken.yaml': 'a: [',
  }
  const dead = waiting('dead', 'nobody answers at 127.0.0.1:9: ECONNREFUSED')
  const { asked, told } = await awaited(t, documents, [
    [dead],
    [dead, ready('files'), waiting('everything', 'the server is being started', 'Available', 'Unknown')],
    [dead, ready('files'), ready('everything', [])],
  ])
  assert.equal(asked, 3)
  assert.deepEqual(told, [
    'broken.yaml: not taken up: its document may be wrong; logs/lifecycle.log says why',
    'dead: not ready: nobody answers at 127.0.0.1:9: ECONNREFUSED',
    'everything: ready, 1 tool, but no policy mentions it, so every call is denied',
    'files: ready, 1 tool',
    ...unreadable,
  ])
})

test('tools that nobody can call are told where servers are', async (t) => {
  const odd = { ...ready('odd'), toolCount: 58, quarantinedCount: 6 }
  const { told } = await awaited(t, {}, [[odd, { ...ready('other'), leftOut: 'bad (no name)' }]])
  assert.deepEqual(told, [
    ...unreadable,
    'odd: ready, 58 tools, 6 of them quarantined, so nobody can call those',
    'other: ready, 1 tool, and others that cannot be used',
  ])
})

test('a sample that was removed, made remote or broken by hand is not waited for', async (t) => {
  const documents = { 'files.yaml': document('files', remote), 'everything.yaml': document('mine', command) }
  const refused = waiting('mine', 'run must not be empty', 'Accepted')
  const { asked, told } = await awaited(t, documents, [[waiting('files', 'nobody answers'), refused]])
  assert.equal(asked, 1)
  assert.deepEqual(told, ['files: not ready: nobody answers', ...unreadable, 'mine: not ready: run must not be empty'])
})
