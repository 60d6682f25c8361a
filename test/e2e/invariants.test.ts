import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { History } from '@countersign/contracts'
import { scriptedTool, startScriptedServer, until } from '@countersign/testing'
import { checkHistory, readCalls } from '../faults/check/check-history.ts'
import { callTool } from './clients.ts'
import { type Stack, startStack } from './stack.ts'

/** Adds a scripted server, with policies that allow its reads, hold its writes and deny the rest. */
async function addScripted(stack: Stack, url: string): Promise<void> {
  const { layout } = stack.state
  writeFileSync(
    join(layout.policies, 'scripted.yaml'),
    `apiVersion: countersign.dev/v1alpha1
kind: ToolPolicy
metadata: { name: scripted }
spec:
  match: { servers: [scripted] }
  rules:
    - { name: forbidden, when: "args.forbidden == true", effect: deny, reason: Not that. }
    - { name: held, when: "tool.name.endsWith('-held')", effect: hold, reason: People., approval: { groups: [approvers], expiresAfter: 60s } }
    - { name: all, when: "!tool.name.endsWith('-held')", effect: allow }
`,
  )
  writeFileSync(
    join(layout.servers, 'scripted.yaml'),
    `apiVersion: mcp.x-k8s.io/v1beta1
kind: MCPServer
metadata: { name: scripted }
spec: { source: { type: Url, url: { url: '${url}' } }, limits: { callTimeoutMs: 3000, maxResultBytes: 100000 } }
`,
  )
  await until(async () => {
    const { body } = await stack.api('/policies')
    const server = await stack.api('/servers/scripted')
    return (
      body.policies.some(({ name }: { name: string }) => name === 'scripted') &&
      server.status === 200 &&
      server.body.tools.length > 0
    )
  }, 'the scripted server is taken up')
}

const allEnded = (calls: Map<string, History>) => [...calls.values()].every(({ final }) => final !== undefined)

test(
  'I1, I2, I3, I4, I5, I6: the histories of hundreds of concurrent calls of every kind hold',
  { timeout: 180_000 },
  async (t) => {
    const stack = await startStack(t)
    const kinds = [
      'echo',
      'echo-read',
      'tool-error',
      'rpc-error',
      'die',
      'die-read',
      'garbage',
      'oversized',
      'echo-held',
    ]
    const tools = kinds.map((kind) => scriptedTool(kind, kind.endsWith('-read') ? { readOnlyHint: true } : {}))
    const upstream = await startScriptedServer(t, tools)
    await addScripted(stack, upstream.url)
    const url = `${stack.info.gateway}/mcp/scripted`
    const { agent, agent2 } = stack.info.tokens

    let voting = true
    const vote = async () => {
      while (voting) {
        const { body } = await stack.api('/approvals', 'approver')
        await Promise.all(
          body.approvals.map(({ callId, digest }: { callId: string; digest: string }, index: number) =>
            stack.api(`/approvals/${callId}/votes`, 'approver', {
              decision: index % 3 === 0 ? 'reject' : 'approve',
              digest,
            }),
          ),
        )
      }
    }
    const votes = vote()
    const total = 400
    const ask = async (index: number) => {
      const tool = kinds[index % kinds.length]!
      const args = { index, ...(index % 50 === 0 ? { forbidden: true } : {}) }
      await callTool(url, index % 2 === 0 ? agent : agent2, tool, args).catch((error: { rpc?: unknown }) =>
        assert.ok(error.rpc, String(error)),
      )
    }
    for (let from = 0; from < total; from += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, index) => ask(from + index)))
    }
    const auditor = await stack.auditor()
    const calls = await until(
      async () => {
        const read = await readCalls(auditor)
        return read.size === total && allEnded(read) && read
      },
      'every call has ended',
      60_000,
    )
    voting = false
    await votes

    const pem = readFileSync(stack.state.layout.grantPublicKeys, 'utf8')
    for (const history of calls.values()) assert.deepEqual(checkHistory(history, pem), [])
    const ended = new Map<string, number>()
    for (const { final } of calls.values()) ended.set(final!.name, (ended.get(final!.name) ?? 0) + 1)
    for (const name of ['succeeded', 'failed', 'denied', 'unknown'])
      assert.ok((ended.get(name) ?? 0) > 0, `some calls ${name}`)

    // I6 at the tool itself: what is not safe to repeat arrived once at most.
    const arrivals = Map.groupBy(upstream.calls, ({ args }) => Number(args.index))
    for (const [index, received] of arrivals) {
      if (!kinds[index % kinds.length]!.endsWith('-read'))
        assert.equal(received.length, 1, `call ${index} arrived ${received.length} times`)
    }
    // Every event is sealed, in order and without a gap.
    const events = [...calls.values()].reduce((sum, { entries }) => sum + entries.length, 0)
    await until(async () => (await stack.api('/audit/status')).body.size >= events, 'audit has sealed all')
  },
)
