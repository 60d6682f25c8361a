import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { until } from '@countersign/testing'
import { callTool, inspector, legacyClient, modernClient, rawPost } from './clients.ts'
import { type Stack, startStack } from './stack.ts'

describe('a governed call', { timeout: 180_000 }, () => {
  let stack: Stack
  const cleanups: (() => Promise<void> | void)[] = []
  before(async () => {
    stack = await startStack({ after: (fn) => cleanups.push(fn) })
  })
  after(async () => {
    for (const cleanup of cleanups) await cleanup()
  })
  const mcp = () => `${stack.info.gateway}/mcp`
  const agent = () => stack.info.tokens.agent
  const path = (name: string) => join(stack.workspace, name)
  const call = (name: string, args: object, meta?: object) => callTool(mcp(), agent(), name, args, meta)
  const vote = (
    callId: string,
    decision: string,
    digest: string,
    as: 'approver' | 'approver2' | 'agent' = 'approver',
    more = {},
  ) => stack.api(`/approvals/${callId}/votes`, as, { decision, digest, ...more })
  const status = (callId: string) => call('countersign_call_status', { callId })
  const states = async (callId: string) => {
    const { body } = await stack.api(`/calls/${callId}`)
    return body.events.map(({ event }: { event: string }) => event) as string[]
  }

  test('R6: clients of both official SDKs, in both revisions, list and read', async () => {
    writeFileSync(path('a.txt'), 'alpha')
    const clients = await Promise.all([
      legacyClient(mcp(), agent()),
      modernClient(mcp(), agent(), '2025-11-25'),
      modernClient(mcp(), agent(), '2026-07-28'),
    ])
    for (const client of clients) {
      const { tools } = await client.listTools()
      const names = tools.map(({ name }) => name)
      assert.ok(
        names.includes('files_read_text_file') &&
          names.includes('everything_echo') &&
          names.includes('countersign_call_status'),
      )
      const result: any = await client.callTool({ name: 'files_read_text_file', arguments: { path: path('a.txt') } })
      assert.equal(result.content[0].text, 'alpha')
      const echo: any = await client.callTool({ name: 'everything_echo', arguments: { message: 'hello' } })
      assert.match(echo.content[0].text, /hello/)
      await client.close()
    }
  })

  test('R6: the Inspector lists and calls, on the merged endpoint and on one server', async () => {
    const merged = await inspector(mcp(), agent(), ['--method', 'tools/list'])
    assert.ok(merged.tools.some(({ name }: { name: string }) => name === 'everything_echo'))
    const files = await inspector(`${mcp()}/files`, agent(), ['--method', 'tools/list'])
    assert.ok(files.tools.some(({ name }: { name: string }) => name === 'read_text_file'))
    const result = await inspector(`${mcp()}/everything`, agent(), [
      '--method',
      'tools/call',
      '--tool-name',
      'echo',
      '--tool-arg',
      'message=hi',
    ])
    assert.match(result.content[0].text, /hi/)
  })

  test('I4, I5: a write waits for a person, runs exactly once, and its record can be read back', async () => {
    const client = await legacyClient(mcp(), agent())
    await client.listTools()
    const pending: any = await client.callTool({
      name: 'files_write_file',
      arguments: { path: path('note.txt'), content: 'approved' },
    })
    const { callId, digest, status: state, expiresAt } = pending.structuredContent
    assert.equal(state, 'pending')
    assert.ok(Date.parse(expiresAt) > Date.now())
    assert.match(pending.content[0].text, new RegExp(callId))
    assert.ok(!existsSync(path('note.txt')), 'nothing has run')
    const { body: shown } = await stack.api(`/approvals/${callId}`, 'approver')
    assert.deepEqual(
      {
        principal: shown.principal,
        server: shown.server,
        tool: shown.tool,
        arguments: shown.arguments,
        digest: shown.digest,
      },
      {
        principal: 'agent',
        server: 'files',
        tool: 'write_file',
        arguments: { path: path('note.txt'), content: 'approved' },
        digest,
      },
    )
    assert.equal((await vote(callId, 'approve', digest)).status, 200)
    const done = await until(async () => {
      const result: any = await client.callTool({ name: 'countersign_call_status', arguments: { callId } })
      return result.structuredContent?.status ? undefined : result
    }, 'the approved call ran')
    assert.ok(!done.isError)
    assert.equal(readFileSync(path('note.txt'), 'utf8'), 'approved')
    assert.deepEqual(await states(callId), ['requested', 'held', 'voted', 'allowed', 'dispatched', 'succeeded'])
    const records = await until(async () => {
      const { body } = await stack.api(`/audit/records?callId=${callId}`)
      return body.records.length === 6 ? body.records : undefined
    }, 'every event is sealed')
    assert.equal(new Set(records.map(({ record }: any) => record.event)).size, 6)
    await client.close()
  })

  test('a rejected write never runs', async () => {
    const { structuredContent } = await call('files_write_file', { path: path('no.txt'), content: 'x' })
    assert.equal(
      (await vote(structuredContent.callId, 'reject', structuredContent.digest, 'approver', { comment: 'not today' }))
        .status,
      200,
    )
    const result = await until(async () => {
      const answer = await status(structuredContent.callId)
      return answer.structuredContent.status === 'denied' ? answer : undefined
    }, 'the rejection arrives')
    assert.match(result.content[0].text, /not today|rejected/i)
    assert.ok(!existsSync(path('no.txt')))
  })

  test('I4, R17: a move needs two people; one person counts once; another digest does not count', async () => {
    writeFileSync(path('from.txt'), 'cargo')
    const { structuredContent } = await call('files_move_file', {
      source: path('from.txt'),
      destination: path('to.txt'),
    })
    const { callId, digest } = structuredContent
    const wrong = await vote(callId, 'approve', `sha256:${'0'.repeat(64)}`)
    assert.deepEqual([wrong.status, wrong.body.error.code], [409, 'digest_mismatch'])
    assert.equal((await vote(callId, 'approve', digest)).status, 200)
    const again = await vote(callId, 'approve', digest)
    assert.deepEqual([again.status, again.body.error.code], [409, 'already_voted'])
    const agentVote = await vote(callId, 'approve', digest, 'agent')
    assert.equal(agentVote.status, 403)
    assert.ok(existsSync(path('from.txt')), 'one approval is not enough')
    assert.equal((await vote(callId, 'approve', digest, 'approver2')).status, 200)
    await until(() => existsSync(path('to.txt')), 'the move ran')
    const late = await vote(callId, 'approve', digest, 'approver')
    assert.equal(late.status, 409)
    const { body } = await stack.api(`/calls/${callId}`)
    const { claims } = body.events.find(({ event }: { event: string }) => event === 'allowed').data.grant
    assert.deepEqual(claims.approvals.map(({ approver }: { approver: string }) => approver).toSorted(), [
      'approver',
      'approver2',
    ])
  })

  test('R17: paths outside the folder are denied, and so are tricks with them', async () => {
    for (const outside of [
      '/etc/passwd',
      `${stack.workspace}/../keys/grant.pem`,
      `${stack.workspace}/./../../etc/passwd`,
      `${stack.workspace}x/other`,
      '../keys/grant.pem',
      '~/.ssh/id_rsa',
      `${stack.workspace}/%2e%2e/keys/grant.pem`,
      `${stack.workspace}\\..\\keys`,
    ]) {
      const result = await call('files_read_text_file', { path: outside })
      assert.equal(result.structuredContent.status, 'denied', outside)
      assert.match(result.content[0].text, /outside/, outside)
    }
    const several = await call('files_read_multiple_files', { paths: [path('a.txt'), '/etc/passwd'] })
    assert.equal(several.structuredContent.status, 'denied')
    const move = await call('files_move_file', { source: path('a.txt'), destination: '/tmp/elsewhere' })
    assert.equal(move.structuredContent.status, 'denied')
  })

  test('I10: what policy denies outright is in no list and cannot be called', async () => {
    const client = await legacyClient(mcp(), agent())
    const names = (await client.listTools()).tools.map(({ name }) => name)
    await client.close()
    for (const hidden of ['everything_get-env', 'files_create_directory']) {
      assert.ok(!names.includes(hidden), hidden)
      await assert.rejects(call(hidden, { path: path('d') }), (error: any) => error.rpc.code === -32602)
    }
    await assert.rejects(call('files_no_such_tool', {}), /no tool/)
    await assert.rejects(call('nowhere_tool', {}), /no tool/)
    assert.ok(!existsSync(path('d')))
  })

  test('R7: a held call with a progress token keeps its caller informed, then answers with the result', async () => {
    const client = await legacyClient(mcp(), agent())
    const messages: string[] = []
    const answer = client.callTool(
      { name: 'files_write_file', arguments: { path: path('p.txt'), content: 'p' } },
      undefined,
      {
        onprogress: ({ message }) => messages.push(message ?? ''),
        resetTimeoutOnProgress: true,
      },
    )
    const waiting = await until(async () => {
      const { body } = await stack.api('/approvals', 'approver')
      return body.approvals.find(({ arguments: args }: any) => args.path === path('p.txt'))
    }, 'the call waits')
    await until(() => messages.length > 0, 'progress is told')
    assert.match(messages[0]!, /approval/)
    await vote(waiting.callId, 'approve', waiting.digest)
    const result: any = await answer
    assert.ok(!result.isError)
    assert.equal(readFileSync(path('p.txt'), 'utf8'), 'p')
    await client.close()
  })

  test('progress of the tool itself reaches the caller', async () => {
    const client = await modernClient(mcp(), agent(), '2026-07-28')
    const seen: number[] = []
    const result: any = await client.callTool(
      { name: 'everything_trigger-long-running-operation', arguments: { duration: 1, steps: 4 } },
      { onprogress: ({ progress }) => seen.push(progress) },
    )
    assert.ok(!result.isError)
    assert.deepEqual(seen, [1, 2, 3, 4])
    await client.close()
  })

  test('R7: asking again with the same idempotency key is the same call; with other arguments it is refused', async () => {
    const meta = { 'countersign.dev/idempotencyKey': 'key-1' }
    const args = { path: path('k.txt'), content: 'once' }
    const first = await call('files_write_file', args, meta)
    const second = await call('files_write_file', args, meta)
    assert.equal(second.structuredContent.callId, first.structuredContent.callId)
    await vote(first.structuredContent.callId, 'approve', first.structuredContent.digest)
    await until(() => existsSync(path('k.txt')) && readFileSync(path('k.txt'), 'utf8') === 'once', 'it ran')
    writeFileSync(path('k.txt'), 'changed since')
    const third = await until(async () => {
      const result = await call('files_write_file', args, meta)
      return result.structuredContent?.status === 'pending' ? undefined : result
    }, 'the answer is the result')
    assert.ok(!third.isError)
    assert.equal(readFileSync(path('k.txt'), 'utf8'), 'changed since', 'it did not run again')
    await assert.rejects(
      call('files_write_file', { ...args, content: 'other' }, meta),
      (error: any) => error.rpc.data.code === 'idempotency_conflict',
    )
    await assert.rejects(call('everything_echo', { message: 'other' }, meta), /idempotency key/)
  })

  test("somebody else's call is not there for a caller", async () => {
    const { structuredContent } = await call('files_write_file', { path: path('mine.txt'), content: 'x' })
    const { callId } = structuredContent
    await assert.rejects(
      callTool(mcp(), stack.info.tokens.agent2, 'countersign_call_status', { callId }),
      /no such call/,
    )
    assert.equal((await stack.api(`/calls/${callId}`, 'agent2')).status, 404)
    assert.equal((await stack.api(`/calls/${callId}`, 'agent')).status, 200)
  })

  test('a withdrawn call does not run, even when it is approved afterwards', async () => {
    const client = await legacyClient(mcp(), agent())
    const abort = new AbortController()
    const answer = client.callTool(
      { name: 'files_write_file', arguments: { path: path('w.txt'), content: 'w' } },
      undefined,
      {
        signal: abort.signal,
        onprogress: () => {},
      },
    )
    const waiting = await until(async () => {
      const { body } = await stack.api('/approvals', 'approver')
      return body.approvals.find(({ arguments: args }: any) => args.path === path('w.txt'))
    }, 'the call waits')
    abort.abort()
    await assert.rejects(answer)
    await until(async () => (await states(waiting.callId)).includes('cancelled'), 'the withdrawal is recorded')
    assert.equal((await vote(waiting.callId, 'approve', waiting.digest)).status, 409)
    assert.ok(!existsSync(path('w.txt')))
    await client.close()
  })

  test('I9: no token is in any event, log or result', async () => {
    await rawPost(mcp(), 'cs_wrong_token', { jsonrpc: '2.0', id: 1, method: 'tools/list' })
    const secrets = [...Object.values(stack.info.tokens), stack.info.natsCreds.auditor.pass]
    const { layout } = stack.state
    const texts = ['gateway', 'policy', 'agent-executor', 'lifecycle', 'audit', 'console'].map((name) =>
      readFileSync(join(layout.logs, `${name}.log`), 'utf8'),
    )
    const { body } = await stack.api('/audit/records?limit=1000')
    texts.push(JSON.stringify(body))
    for (const secret of secrets) assert.ok(!texts.some((text) => text.includes(secret)))
  })
})
