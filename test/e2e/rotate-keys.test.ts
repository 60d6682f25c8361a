import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { readCalls } from '../faults/check/check-history.ts'
import { callTool } from './clients.ts'
import { startStack } from './stack.ts'

const command = fileURLToPath(import.meta.resolve('@countersign/local/rotate-keys'))

test(
  'the grant key is rotated under load: no call fails, and grants of both keys run',
  { timeout: 120_000 },
  async (t) => {
    const stack = await startStack(t)
    const { grantPublicKeys, dir } = stack.state.layout
    const rotate = (...args: string[]) => {
      const { status, stderr } = spawnSync(process.execPath, [command, '--state', dir, ...args], { encoding: 'utf8' })
      assert.equal(status, 0, stderr)
    }
    let going = true
    let answered = 0
    const caller = async (name: number) => {
      for (let count = 0; going; count++) {
        const message = `caller ${name} call ${count}`
        const { isError, content } = await callTool(
          `${stack.info.gateway}/mcp`,
          stack.info.tokens.agent,
          'everything_echo',
          {
            message,
          },
        )
        assert.ok(!isError && content[0].text.includes(message), JSON.stringify(content))
        answered += 1
      }
    }
    const load = Promise.all([1, 2, 3, 4].map(caller))
    t.after(() => (going = false))
    const auditor = await stack.auditor()
    const keyIds = async () => {
      const histories = [...(await readCalls(auditor)).values()]
      return new Set(histories.flatMap((history) => history.find('allowed')?.data.grant.keyId ?? []))
    }
    await until(() => answered > 10, 'calls flow')
    for (let rotations = 1; rotations <= 2; rotations++) {
      rotate()
      await until(async () => (await keyIds()).size === rotations + 1, 'grants are signed with the new key')
    }
    going = false
    await load
    assert.equal(readFileSync(grantPublicKeys, 'utf8').match(/BEGIN/g)?.length, 3, 'the new key and those before')
    rotate('--revoke')
    assert.equal(readFileSync(grantPublicKeys, 'utf8').match(/BEGIN/g)?.length, 1)
  },
)
