/**
 * Writes a log to try the verifier on: `node services/audit/test/bench/write-log.ts <folder> [records, 1000000]`, then
 * `time npx countersign audit verify <folder>`. Whole calls of six events, 1.5 kB a record on average.
 */
import { DirectoryStore } from '@countersign/tlog'
import { AuditLog } from '../../src/log/audit-log.ts'
import { makeRecord } from '../../src/record/make-record.ts'
import { calls } from '../../src/record/record-source.ts'
import { signersOf } from './log-key.ts'
import { storedMessages } from './messages.ts'

const [dir, count = '1000000'] = process.argv.slice(2)
if (dir === undefined) {
  console.error('usage: write-log.ts <folder> [records]')
  process.exit(2)
}
const atOnce = 6000
const created = '2026-11-22T09:00:00.123456789Z'
const log = new AuditLog({ store: new DirectoryStore(dir), signers: signersOf(dir) })
await log.open()
const begun = performance.now()
for (let seq = log.last.CALLS?.seq ?? 0; seq < Number(count);) {
  const messages = storedMessages(seq + 1, Math.min(atOnce, Number(count) - seq))
  await log.append(messages.map((message) => makeRecord(calls, message, { created, previous: message.seq - 1 })))
  seq += messages.length
}
await log.close()
console.log(`${log.size} records in ${((performance.now() - begun) / 1000).toFixed(1)} s`)
