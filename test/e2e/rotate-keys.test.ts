import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { until } from '@countersign/testing'
import { verifierKey } from '@countersign/tlog'
import { readCalls } from '../faults/check/check-history.ts'
import { callTool } from './clients.ts'
import { startStack } from './stack.ts'

const command = fileURLToPath(import.meta.resolve('@countersign/local/rotate-keys'))
const cli = fileURLToPath(new URL('../../node_modules/.bin/countersign', import.meta.url))

/** Whether the log verifies by a key, as `countersign audit verify` says; and what is wrong. */
async function verified(dir: string, key: string): Promise<{ ok: boolean; said: string }> {
  const args = [cli, 'audit', 'verify', dir, '--key', key]
  const ended = await promisify(execFile)(process.execPath, args).catch((error: { stdout: string }) => error)
  return { ok: !(ended instanceof Error), said: ended.stdout }
}

/** Puts keys of checkpoints into their file as an operator does: as PEM blocks, one after the other. */
function putKeys(file: string, ...keys: string[]): void {
  writeFileSync(`${file}.new`, keys.join(''), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

test(
  'I8, I12: the keys of grants and of checkpoints are rotated under load: no call fails, grants of both keys run, and the log verifies by both',
  { timeout: 180_000 },
  async (t) => {
    const stack = await startStack(t)
    const { grantPublicKeys, auditKey, dir } = stack.state.layout
    const { auditLog } = stack.info
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

    const audit = stack.pid('audit')
    const old = readFileSync(auditKey, 'utf8')
    const { privateKey } = generateKeyPairSync('ed25519')
    const added = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
    const checkpoint = () => readFileSync(join(auditLog.dir, 'checkpoint'), 'utf8')
    const size = () => Number(checkpoint().split('\n')[1])
    const signatures = () => checkpoint().match(/^— /gm)?.length
    const sealedBy = async (count: number) => {
      await until(() => signatures() === count, `the newest checkpoint has ${count} signatures`)
      const [before, last] = [size(), answered]
      await until(() => size() > before && answered > last + 10, 'calls flow, and are sealed')
      assert.equal(signatures(), count, 'those of new records too')
    }
    await sealedBy(1)
    putKeys(auditKey, added, old)
    await sealedBy(2)
    const [newKey] = readFileSync(join(auditLog.dir, 'verifier-keys'), 'utf8').split('\n') as [string]
    assert.equal(newKey, verifierKey(createPublicKey(privateKey), newKey.split('+')[0]!).text)
    for (const key of [auditLog.verifierKey, newKey]) {
      const { ok, said } = await verified(auditLog.dir, key)
      assert.ok(ok, said)
    }
    putKeys(auditKey, added)
    await sealedBy(1)
    const byNew = await verified(auditLog.dir, newKey)
    assert.ok(byNew.ok, byNew.said)
    const byOld = await verified(auditLog.dir, auditLog.verifierKey)
    assert.ok(!byOld.ok && /no trusted key/.test(byOld.said), byOld.said)
    assert.equal(stack.pid('audit'), audit, 'nothing was started again')

    going = false
    await load
    assert.equal(readFileSync(grantPublicKeys, 'utf8').match(/BEGIN/g)?.length, 3, 'the new key and those before')
    rotate('--revoke')
    assert.equal(readFileSync(grantPublicKeys, 'utf8').match(/BEGIN/g)?.length, 1)
  },
)
