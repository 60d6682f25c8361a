/**
 * How many records a second are made, sealed and durable: `node services/audit/test/bench/seal.ts [folder]`. Prints, for batches of
 * several sizes, records a second, the time of an append, and what part of it is making records. Nothing else runs beside it: in a
 * running audit, publishing on AUDIT and the bus come on top.
 */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DirectoryStore, ed25519Signer } from '@countersign/tlog'
import { AuditLog } from '../../src/log/audit-log.ts'
import { makeRecord } from '../../src/record/make-record.ts'
import { calls } from '../../src/record/record-source.ts'
import { storedMessages } from './messages.ts'

const root = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'countersign-seal-'))
const key = generateKeyPairSync('ed25519').privateKey
const created = '2026-11-22T09:00:00.123456789Z'
const total = 30_000

console.log('batch  records/s  append ms (p50, p99)  making records %  bytes/record')
for (const batch of [500, 125, 25, 1]) {
  const signers = (origin: string) => Promise.resolve([ed25519Signer(key, origin)])
  const log = new AuditLog({ store: new DirectoryStore(join(root, String(batch))), signers })
  await log.open()
  const count = batch === 1 ? 1500 : total
  const messages = storedMessages(1, count)
  const times: number[] = []
  let making = 0
  let bytes = 0
  const begun = performance.now()
  for (let at = 0; at < count; at += batch) {
    const start = performance.now()
    const records = messages
      .slice(at, at + batch)
      .map((message) => makeRecord(calls, message, { created, previous: message.seq - 1 }))
    making += performance.now() - start
    for (const { entry } of records) bytes += entry.length
    const appending = performance.now()
    await log.append(records)
    times.push(performance.now() - appending)
  }
  const took = performance.now() - begun
  await log.close()
  times.sort((a, b) => a - b)
  const quantile = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))]!.toFixed(1)
  console.log(
    [
      String(batch).padStart(5),
      Math.round((count / took) * 1000)
        .toLocaleString('en')
        .padStart(9),
      `${quantile(0.5)}, ${quantile(0.99)}`.padStart(20),
      ((making / took) * 100).toFixed(0).padStart(16),
      Math.round(bytes / count)
        .toLocaleString('en')
        .padStart(12),
    ].join('  '),
  )
}
await rm(root, { recursive: true })
