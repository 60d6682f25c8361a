import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '@countersign/testing'
import { sql } from 'kysely'
import { Client } from 'pg'
import { readSealed } from '../src/record/encrypt/read-sealed.ts'
import { indexHome, recordsOf } from './index-fixture.ts'
import { indexed, sample } from './indexed.ts'
import { filesWith } from './personal.ts'

test(
  'R20, R29: what is erased while a log is indexed anew is in no file of the index afterwards',
  { timeout: 120_000 },
  async (t) => {
    const home = await indexHome(t, 'embedded')
    assert.ok(!('none' in home))
    let erased = false
    const opened = (text: string) => readSealed(erased ? text.replaceAll('zebra4712', '#') : text)
    const events = [{ call: 'bob/files/read', event: 'requested', args: { path: '/zebra4712' } }]
    const { index, callsOf } = await indexed(t, home, events, opened)
    assert.equal((await callsOf({ text: 'zebra4712' })).calls.length, 1)
    erased = true
    // One after the other, with no time between them to delete what was indexed before.
    await Promise.all([
      index.rebuild('default'),
      index.forget('default', { subjects: ['bob'], before: undefined }),
      index.forgetDeleted(),
    ])
    await index.stop()
    assert.deepEqual(filesWith(home.dir, 'zebra4712'), [])
  },
)

test('R20, I12: an embedded index that is damaged or gone is made anew', { timeout: 120_000 }, async (t) => {
  const home = await indexHome(t, 'embedded')
  assert.ok(!('none' in home))
  const { index, log, reach } = await indexed(t, home, sample)
  await reach()
  await index.stop()
  const data = join(home.dir, 'index', 'data')
  await truncate(join(data, 'global', 'pg_control'), 100)
  const second = home.follow(log)
  await until(() => second.status('default').indexed === 13, 'it is indexed anew')
  assert.match(home.discarded.join(), /cannot be opened/)
  await second.stop()
  await rm(data, { recursive: true })
  const third = home.follow(log)
  await until(() => third.status('default').indexed === 13, 'it is indexed anew')
  await third.stop()
  // As after a power failure: it was open, and the machine has booted since.
  await appendFile(join(home.dir, 'index', 'open'), '1000')
  const fourth = home.follow(log)
  await until(() => fourth.status('default').indexed === 13, 'it is indexed anew')
  assert.match(home.discarded.join(), /the machine went down/)
  assert.deepEqual(home.problems, [])
})

test(
  'R20, I12: an embedded database that is killed is started again; a folder it has lost is noticed by the next who asks',
  { timeout: 120_000 },
  async (t) => {
    const home = await indexHome(t, 'embedded')
    assert.ok(!('none' in home))
    const { index, log, records } = await indexed(t, home, sample)
    const open = join(home.dir, 'index', 'open')
    const pids = () =>
      execFileSync('pgrep', ['-f', `pglite-main.ts ${home.dir}`], { encoding: 'utf8' })
        .trim()
        .split('\n')
    const kill = () => {
      const [pid, ...others] = pids()
      assert.deepEqual(others, [])
      process.kill(Number(pid), 'SIGKILL')
      return until(() => {
        try {
          return process.kill(Number(pid), 0) && false
        } catch {
          return true
        }
      }, 'it is gone')
    }
    assert.equal((await records()).records.length, 13)
    // While nobody asks, and while records come.
    await kill()
    assert.equal((await records()).records.length, 13)
    await kill()
    await log.append(recordsOf([{ call: 'new/files/read', event: 'requested' }], 14).records)
    index.notify()
    await until(() => index.status('default').indexed === 14, 'it goes on where it was')
    assert.deepEqual(home.discarded, [])
    await kill()
    await rm(join(home.dir, 'index', 'data'), { recursive: true })
    await until(async () => {
      const page = await records().catch(() => undefined)
      return page?.records.length === 14
    }, 'it is made anew although no record comes')
    assert.ok(existsSync(open))
    await index.stop()
    assert.ok(!existsSync(open), 'what was closed in order is trusted after a reboot')
    assert.throws(pids, 'no process is left')
  },
)

test(
  'R20, I12: a Postgres that dies stops queries and nothing else; afterwards the index follows',
  { timeout: 120_000 },
  async (t) => {
    const home = await indexHome(t, 'postgres')
    if ('none' in home) return t.skip(home.none)
    const { index, log, records } = await indexed(t, home, sample)
    assert.equal((await records()).records.length, 13)
    await home.postgres!.kill()
    await log.append(recordsOf([{ call: 'new/files/read', event: 'requested' }], 14).records)
    index.notify()
    await until(() => index.status('default').problem !== null, 'it is noticed')
    await assert.rejects(index.reach('default'), { code: 'service_unavailable', message: /the log itself goes on/ })
    await home.postgres!.start()
    await until(() => index.status('default').indexed === 14, 'it follows again')
    assert.equal((await records({ principal: 'new' })).records.length, 1)
    // Somebody drops everything: queries cannot, the owner of the database can.
    const { database } = await index.reach('default')
    const drop = 'drop schema countersign_audit cascade'
    await assert.rejects(sql.raw(drop).execute(database), /read-only/)
    const { url, password } = home.postgres!
    const owner = new Client({ connectionString: url.replace('@', `:${password}@`) })
    await owner.connect()
    await owner.query(drop)
    await owner.end()
    await log.append(recordsOf([{ call: 'newer/files/read', event: 'requested' }], 15).records)
    index.notify()
    await until(() => index.status('default').indexed === 15, 'it is made anew')
    const { database: again } = await index.reach('default')
    assert.equal((await again.selectFrom('records').select('index').execute()).length, 15)
  },
)
