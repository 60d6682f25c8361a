import { execFile } from 'node:child_process'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { auditLogOrigin, canonicalJson, type JsonObject, newCallId } from '@countersign/contracts'
import { DirectoryStore, ed25519Signer, TreeLog, verifierKey } from '@countersign/tlog'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const events = ['requested', 'allowed', 'dispatched', 'succeeded'] as const
export const calls = Array.from({ length: 100 }, () => newCallId(Date.now()))
export const created = '2026-11-22T09:00:00Z'

/**
 * A folder with a log of calls, and the key it is signed with.
 *
 * @param more members of the record of an event, by its sequence in the stream
 */
export async function logFolder(t: TestContext, more: (seq: number) => JsonObject = () => ({})) {
  const cwd = await mkdtemp(join(tmpdir(), 'countersign-cli-'))
  t.after(() => rm(cwd, { recursive: true, force: true }))
  const privateKey = generateKeyPairSync('ed25519').privateKey
  const origin = auditLogOrigin('default')
  const dir = join(cwd, 'audit')
  const append = async (callIds: readonly string[], from = 0) => {
    const store = new DirectoryStore(dir)
    const signers = () => Promise.resolve([ed25519Signer(privateKey, origin)])
    const log = await TreeLog.open({ store, folder: 'default/', origin, signers })
    const storedAt = new Date().toISOString()
    await log.append(
      callIds
        .flatMap((callId) => events.map((event) => ({ callId, event })))
        .map(({ callId, event }, place) => {
          const seq = from + place + 1
          const record: JsonObject = {
            ...{ version: 2, tenant: 'default', server: 'files', callId, event, storedAt },
            stream: { seq, previous: seq - 1, created },
            ...{ cloudEvent: {}, ...more(seq) },
          }
          return Buffer.from(canonicalJson(record))
        }),
    )
    await store.close()
  }
  await append(calls)
  return { cwd, dir, append, origin, privateKey, key: verifierKey(createPublicKey(privateKey), origin).text }
}

/** Runs `countersign audit …` as a person would, in a folder. */
export function countersign(cwd: string, ...args: string[]): Promise<{ exit: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'audit', ...args], { cwd }, (error, stdout, stderr) =>
      resolve({ exit: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
}
