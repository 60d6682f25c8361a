/**
 * What encrypting what is personal costs: `node services/audit/test/bench/encrypt.ts`. Prints, for making records with and without, the
 * processor time and bytes of one, and how long new keys of many subjects take until they are on disk, with the size of their file.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPersonal } from '../../src/erasure/open-personal.ts'
import { makeRecord } from '../../src/record/make-record.ts'
import { calls } from '../../src/record/record-source.ts'
import { storedMessages } from './messages.ts'

const root = await mkdtemp(join(tmpdir(), 'countersign-encrypt-'))
const kekFile = join(root, 'kek')
await writeFile(kekFile, randomBytes(32).toString('base64'))
const keysDir = join(root, 'keys')
const personal = (await openPersonal({ keysDir, kekFile }, {}, async () => []))!
const created = '2026-11-22T09:00:00.123456789Z'
const count = 60_000
const messages = storedMessages(1, count)

console.log('records    processor µs/record  bytes/record')
for (const [name, encryptor] of [
  ['as they are', undefined],
  ['encrypted', personal.encryptor],
] as const) {
  // Once before, so that code is compiled and keys are made.
  for (const measured of [false, true]) {
    const begun = process.cpuUsage()
    let bytes = 0
    for (const message of messages) {
      bytes += makeRecord(calls, message, { created, previous: message.seq - 1 }, { encryptor }).entry.length
    }
    const { user, system } = process.cpuUsage(begun)
    personal.keys.persist()
    if (!measured) continue
    const row = [((user + system) / count).toFixed(1).padStart(21), String(Math.round(bytes / count)).padStart(12)]
    console.log(`${name.padEnd(11)}${row.join('  ')}`)
  }
}

const subjects = 100_000
const begun = performance.now()
for (let subject = 0; subject < subjects; subject++) {
  personal.keys.keyFor({ tenant: 'default', subject: `person ${subject}`, kind: 'arguments', period: '2026-11' })
  if (subject % 500 === 499) personal.keys.persist()
}
const seconds = (performance.now() - begun) / 1000
const { size } = await stat(join(keysDir, 'subject-keys.sqlite'))
console.log(`${subjects} new keys, 500 at once: ${seconds.toFixed(1)} s, ${(size / 2 ** 20).toFixed(0)} MiB`)
personal.database.close()
await rm(root, { recursive: true })
