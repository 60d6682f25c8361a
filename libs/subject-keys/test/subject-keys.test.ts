import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { encryptValue, type SubjectKey } from '@countersign/contracts'
import type { Cleanup } from '@countersign/testing'
import { compactDecrypt } from 'jose'
import { inTransaction, openKeyDatabase } from '../src/open-key-database.ts'
import { openKeyEncryptionKeys } from '../src/key-encryption-keys.ts'
import { type KeyScope, SubjectKeys } from '../src/subject-keys.ts'

const newKek = () => randomBytes(32).toString('base64')
const scope = (subject: string, more: Partial<KeyScope> = {}): KeyScope => ({
  ...{ tenant: 'default', subject, kind: 'arguments', period: '2026-11', ...more },
})
const bytesOf = (key: SubjectKey) => key.content.export().toString('hex')

/** A folder with a key-encryption key, and what opens the keys in it. */
function folder(t: Cleanup) {
  const dir = mkdtempSync(join(tmpdir(), 'countersign-keys-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const kekFile = join(dir, 'kek')
  writeFileSync(kekFile, `${newKek()}\n`)
  return {
    dir,
    kekFile,
    keysDir: join(dir, 'keys'),
    async open() {
      const keks = await openKeyEncryptionKeys(kekFile, { everyMs: 0 })
      const database = openKeyDatabase(join(dir, 'keys'))
      t.after(() => {
        if (database.isOpen) database.close()
      })
      return { database, keks, keys: new SubjectKeys(database, keks) }
    },
    /** Everything that lies in the folder of the keys. */
    stored: () => readdirSync(join(dir, 'keys')).map((name) => readFileSync(join(dir, 'keys', name))),
  }
}

test('R28: a key is there again after a restart once it was persisted, another one for each scope', async (t) => {
  const at = folder(t)
  const first = await at.open()
  const scopes = [
    scope('ann'),
    scope('bob'),
    scope('ann', { kind: 'result' }),
    scope('ann', { period: '2026-12' }),
    scope('ann', { tenant: 'other' }),
  ]
  const made = scopes.map((each) => first.keys.keyFor(each))
  assert.equal(new Set(made.map(bytesOf)).size, scopes.length)
  assert.equal(first.keys.keyFor(scopes[0]!), made[0])
  first.keys.persist()
  const lost = first.keys.keyFor(scope('carl'))
  first.database.close()
  const second = await at.open()
  assert.deepEqual(
    scopes.map((each) => bytesOf(second.keys.keyFor(each))),
    made.map(bytesOf),
  )
  assert.equal(bytesOf(second.keys.find(made[1]!.id)!), bytesOf(made[1]!))
  assert.equal(second.keys.find(lost.id), undefined)
  assert.notEqual(bytesOf(second.keys.keyFor(scope('carl'))), bytesOf(lost))
})

test('R28: what was erased is nowhere in the folder, and the subject gets new keys', async (t) => {
  const at = folder(t)
  const { database, keys } = await at.open()
  const [ann, bob] = [keys.keyFor(scope('ann')), keys.keyFor(scope('bob'))]
  keys.keyFor(scope('ann', { kind: 'result' }))
  keys.persist()
  const { wrapped } = database.prepare('SELECT wrapped FROM keys WHERE id = ?').get(ann.id) as { wrapped: Uint8Array }
  const found = () => at.stored().some((bytes) => bytes.includes(Buffer.from(wrapped)) || bytes.includes(ann.id))
  assert.ok(found())
  assert.equal(
    inTransaction(database, () => keys.eraseSubject('default', 'ann')),
    2,
  )
  assert.ok(!found())
  assert.equal(keys.find(ann.id), undefined)
  assert.ok(keys.find(bob.id))
  assert.notEqual(keys.keyFor(scope('ann')).id, ann.id)
})

test('an erasure that is rolled back erased nothing', async (t) => {
  const { database, keys } = await folder(t).open()
  const { id } = keys.keyFor(scope('ann'))
  keys.persist()
  assert.throws(() =>
    inTransaction(database, () => {
      keys.eraseSubject('default', 'ann')
      throw new Error('stop')
    }),
  )
  assert.ok(keys.find(id))
})

test('the key-encryption key is replaced while it runs; without the old one nothing opens that was not wrapped anew', async (t) => {
  const at = folder(t)
  const { keks, keys } = await at.open()
  const made = ['ann', 'bob', 'carl'].map((subject) => keys.keyFor(scope(subject)))
  keys.persist()
  const old = readFileSync(at.kekFile, 'utf8')
  const newer = newKek()
  writeFileSync(at.kekFile, `${newer}\n${old}`)
  await keks.refresh()
  assert.deepEqual([keys.rewrap(2), keys.missingKeks()], [2, []])
  writeFileSync(at.kekFile, newer)
  await keks.refresh()
  keys.forgetCached()
  assert.deepEqual(
    keys.missingKeks().map(({ keys: count }) => count),
    [1],
  )
  const open = made.filter(({ id }) => {
    try {
      return keys.find(id)
    } catch (error) {
      assert.match((error as Error).message, /wrapped with the key-encryption key \w+, which the file does not have/)
      return false
    }
  })
  assert.equal(open.length, 2)
  writeFileSync(at.kekFile, `${newer}\n${old}`)
  await keks.refresh()
  assert.deepEqual([keys.rewrap(100), keys.rewrap(100)], [1, 0])
  writeFileSync(at.kekFile, newer)
  await keks.refresh()
  keys.forgetCached()
  assert.deepEqual(
    made.map(({ id }) => bytesOf(keys.find(id)!)),
    made.map(bytesOf),
  )
})

test('a key file that cannot be used says why, and changes nothing once one was good', async (t) => {
  const at = folder(t)
  const { keks } = await at.open()
  const { id } = keks.first
  for (const [text, reason] of [
    ['', /has no key; .*openssl rand -base64 32/],
    ['c2hvcnQ=', /line 1 is no key/],
    [`${newKek()}\nsecret nonsense`, /line 2 is no key/],
  ] as const) {
    writeFileSync(at.kekFile, text)
    await keks.refresh()
    assert.equal(keks.first.id, id)
    await assert.rejects(openKeyEncryptionKeys(at.kekFile), reason)
    await assert.rejects(openKeyEncryptionKeys(at.kekFile), (error: Error) => !error.message.includes('nonsense'))
  }
})

test('R28: a folder that others may read, or that lies with the log, is refused', (t) => {
  const { dir, keysDir } = folder(t)
  openKeyDatabase(keysDir, [join(dir, 'log')]).close()
  chmodSync(keysDir, 0o750)
  assert.throws(() => openKeyDatabase(keysDir), /has mode 750, so others may read it: chmod 700/)
  chmodSync(keysDir, 0o700)
  const log = join(dir, 'log')
  for (const inside of [log, join(log, 'keys'), dir]) {
    assert.throws(() => openKeyDatabase(inside, [log]), /must lie apart/)
  }
  symlinkSync(keysDir, join(dir, 'link'))
  assert.throws(() => openKeyDatabase(keysDir, [join(dir, 'link', 'log')]), /must lie apart/)
})

test('a database that cannot be read is told of, and not begun anew', (t) => {
  const { keysDir } = folder(t)
  openKeyDatabase(keysDir).close()
  writeFileSync(join(keysDir, 'subject-keys.sqlite'), 'not a database at all, but long enough to be looked at')
  assert.throws(() => openKeyDatabase(keysDir), /the keys of subjects in \S+ cannot be used: file is not a database/)
})

test('R28: what is sealed is a JWE that a library of others opens with the key', async (t) => {
  const { keys } = await folder(t).open()
  const key = keys.keyFor(scope('ann'))
  const place = {
    tenant: 'default',
    stream: { created: '2026-11-22T09:00:00Z', seq: 7 },
    path: '/data/arguments/inline',
  }
  const { jwe } = encryptValue(key, place, '{"to":"ann@example.com"}')
  const { plaintext, protectedHeader } = await compactDecrypt(jwe, key.content)
  assert.equal(Buffer.from(plaintext).toString(), '{"to":"ann@example.com"}')
  assert.deepEqual(protectedHeader, { alg: 'dir', enc: 'A256GCM', kid: key.id })
})

test('more subjects than are kept in memory have their keys', async (t) => {
  const { keys } = await folder(t).open()
  const made: SubjectKey[] = []
  for (let subject = 0; subject < 25_000; subject++) {
    made.push(keys.keyFor(scope(`subject ${subject}`)))
    if (subject % 500 === 499) keys.persist()
  }
  keys.persist()
  for (const subject of [0, 1, 12_345, 24_999]) {
    assert.equal(bytesOf(keys.keyFor(scope(`subject ${subject}`))), bytesOf(made[subject]!))
  }
})
