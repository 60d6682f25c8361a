import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { until } from '@countersign/testing'
import { modernClient } from './clients.ts'
import { startStack } from './stack.ts'

const run = promisify(execFile)
const cli = fileURLToPath(new URL('../../node_modules/.bin/countersign', import.meta.url))

test('I8, R28: what local.json says of the audit log is enough to verify a copy of it, and a proof needs not even that', async (t) => {
  const stack = await startStack(t)
  const { gateway, auditLog, tokens } = stack.info
  const client = await modernClient(`${gateway}/mcp`, tokens.agent, '2026-07-28')
  const path = join(stack.workspace, 'welcome.txt')
  for (let count = 0; count < 5; count++) await client.callTool({ name: 'files_read_text_file', arguments: { path } })
  await client.close()
  const finals = async () => (await stack.api('/audit/records?outcome=succeeded')).body.records
  const [newest] = await until(
    async () => ((await finals()).length === 5 ? await finals() : undefined),
    'all is sealed',
  )

  const state = dirname(stack.state.layout.local)
  const countersign = (...args: string[]) => run(process.execPath, [cli, 'audit', ...args], { cwd: state })
  const copy = join(state, 'copy')
  cpSync(auditLog.dir, copy, { recursive: true })
  const verified = await countersign('verify', copy, '--key', auditLog.verifierKey, '--json')
  const found = JSON.parse(verified.stdout)
  assert.deepEqual([found.ok, found.calls.ended, found.trees[0].origin], [true, 5, 'countersign.dev/audit/default'])
  // The Go library and others take the checkpoint and the key as they are.
  const name = auditLog.verifierKey.split('+')[0]
  assert.equal(readFileSync(join(copy, 'checkpoint'), 'utf8').split('\n')[0], name)

  await countersign('prove', newest.record.callId, '--state', state, '--out', 'call.json')
  rmSync(copy, { recursive: true })
  const proof = await countersign('verify', 'call.json', '--key', auditLog.verifierKey, '--json')
  assert.deepEqual(
    JSON.parse(proof.stdout).events.map(({ event }: { event: string }) => event),
    ['requested', 'allowed', 'dispatched', 'succeeded'],
  )

  // What was answered is shown to operators, kept encrypted, and gone when it is erased; the log verifies all the same.
  const answer = readFileSync(path, 'utf8')
  const shown = async () => JSON.stringify(await finals()).includes(JSON.stringify(answer).slice(1, -1))
  assert.ok(await shown())
  const erase = ['erase', '--subject', 'agent', '--reason', 'asked for', '--yes', '--json', '--state', state]
  const { keys, by } = JSON.parse((await countersign(...erase)).stdout)
  assert.deepEqual([keys, by], [2, 'operator'])
  assert.ok(!(await shown()))
  cpSync(auditLog.dir, copy, { recursive: true })
  const after = JSON.parse((await countersign('verify', copy, '--key', auditLog.verifierKey, '--json')).stdout)
  assert.deepEqual([after.ok, after.calls.ended], [true, 5])
})
