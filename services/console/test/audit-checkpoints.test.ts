import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { CountersignError, newCallId, verbs } from '@countersign/contracts'
import { DirectoryStore, ed25519Signer, readCheckpoint, signCheckpoint, TreeReader } from '@countersign/tlog'
import { countersign, logFolder } from './audit-log-fixture.ts'
import { startConsole } from './console-fixture.ts'

const newer = [newCallId(Date.now()), newCallId(Date.now())]

test('I8, R13: a log is verified against a checkpoint that was kept, so that one that was set back is found', async (t) => {
  const { cwd, dir, key, append } = await logFolder(t)
  await cp(join(dir, 'default/checkpoint'), join(cwd, 'october'))
  await cp(dir, join(cwd, 'backup'), { recursive: true })
  await append(newer, 400)
  await cp(join(dir, 'default/checkpoint'), join(cwd, 'november'))
  const verify = (...args: string[]) => countersign(cwd, 'verify', ...args, '--key', key)

  const good = await verify('audit', '--since', 'october')
  assert.equal(good.exit, 0, good.stdout)
  assert.match(good.stdout, /408 entries[^]* goes on from +the first 400, as signed in october\n/)
  const json = JSON.parse((await verify('audit', '--since', 'october', '--json')).stdout)
  assert.deepEqual([json.ok, json.since.size, json.since.problems], [true, 400, []])
  // The one from a backup is whole; it lacks what was sealed since.
  assert.equal((await verify('backup')).exit, 0)
  const back = await verify('backup', '--since', 'november')
  assert.equal(back.exit, 1)
  assert.match(back.stdout, /wrong: november: it is for 408 entries, and the log has 400: the log was set back\n/)
  assert.match(back.stdout, /backup does not verify/)
  assert.equal(JSON.parse((await verify('backup', '--since', 'november', '--json')).stdout).ok, false)

  const stranger = ed25519Signer(generateKeyPairSync('ed25519').privateKey, 'countersign.dev/audit/default')
  const october = readCheckpoint(await readFile(join(cwd, 'october'), 'utf8'))
  await writeFile(join(cwd, 'forged'), signCheckpoint(october, [stranger]))
  assert.match((await verify('audit', '--since', 'forged')).stdout, /wrong: forged: no trusted key signed it/)
  assert.match(
    (await verify('audit', '--since', 'nowhere')).stderr,
    /--since must be a checkpoint: nowhere is not there/,
  )
  await writeFile(join(cwd, 'one.json'), '{}')
  assert.match((await verify('one.json', '--since', 'october')).stderr, /one\.json is a proof of one call/)
  const help = await countersign(cwd, 'verify', '--help')
  assert.match(help.stdout, /--since CHECKPOINT +a checkpoint/)
  assert.doesNotMatch(help.stdout, /2h, 7d ago/)
})

test('I8, R13: that the log goes on from a checkpoint is proven by the console, and what it answers is checked', async (t) => {
  const { dir, key, append, privateKey, origin } = await logFolder(t)
  const console = await startConsole(t)
  const there = { dir }
  const changed: { proof?: string[] } = {}
  console.auditBus.serveApi(
    verbs.audit.consistency,
    async ({ from }) => {
      const store = new DirectoryStore(there.dir)
      const checkpoint = (await store.read('default/checkpoint'))!.toString()
      const { size } = readCheckpoint(checkpoint)
      if (from > size) {
        throw new CountersignError('invalid_params', `the audit log has ${size} records, fewer than ${from}`)
      }
      const proof = await new TreeReader(store, 'default/', () => size).proveConsistency(from, size)
      return { from, checkpoint, proof: proof.map((hash) => hash.toString('base64')), ...changed }
    },
    (error) => assert.fail(String(error)),
  )
  const consistency = (...args: string[]) => countersign(console.dir, 'consistency', ...args, '--key', key)
  const read = (name: string) => readFile(join(console.dir, name), 'utf8')
  const checkpoint = () => readFile(join(dir, 'default/checkpoint'), 'utf8')

  assert.match((await consistency()).stderr, /--from CHECKPOINT is missing\n +keep a first one with: .*--out FILE/)
  const first = await consistency('--out', 'october')
  assert.equal(first.exit, 0, first.stderr + first.stdout)
  assert.match(first.stdout, /^october: the newest checkpoint; later: countersign audit consistency --from october\n$/)
  assert.equal(await read('october'), await checkpoint())
  await cp(dir, `${dir}-backup`, { recursive: true })
  await append(newer, 400)
  const proven = await consistency('--from', 'october', '--out', 'november')
  assert.equal(proven.exit, 0, proven.stderr + proven.stdout)
  assert.match(proven.stdout, /audit\/default {2}408 entries\n[^]*goes on from +the first 400, as signed in october\n/)
  assert.equal(await read('november'), await checkpoint())
  const json = JSON.parse((await consistency('--from', 'october', '--json')).stdout)
  assert.deepEqual([json.ok, json.earlier.size, json.newer.size, json.proof.length > 0], [true, 400, 408, true])
  assert.deepEqual([json.earlierCheckpoint, json.checkpoint], [await read('october'), await checkpoint()])

  const wrong = async (reason: RegExp, ...args: string[]) => {
    const { exit, stdout, stderr } = await consistency(...args, '--out', 'none')
    assert.deepEqual([exit, reason.test(stdout)], [1, true], stdout + stderr)
    await assert.rejects(read('none'), /ENOENT/)
  }
  const forged = signCheckpoint({ origin, size: 400, root: Buffer.alloc(32) }, [ed25519Signer(privateKey, origin)])
  await writeFile(join(console.dir, 'forged'), forged)
  await wrong(/it does not contain the tree of 400 entries/, '--from', 'forged')
  changed.proof = json.proof.slice(1)
  await wrong(/wrong: .*\nnot proven from october\n/, '--from', 'october')
  delete changed.proof
  there.dir = `${dir}-backup`
  await wrong(/wrong: the log was set back, or is another one: .*has 400 records, fewer than 408/, '--from', 'november')
  const other = ed25519Signer(generateKeyPairSync('ed25519').privateKey, origin).key.text
  const untrusted = await countersign(console.dir, 'consistency', '--out', 'none', '--key', other)
  assert.deepEqual([untrusted.exit, /no trusted key signed it/.test(untrusted.stdout)], [1, true])
  await rm(`${dir}-backup`, { recursive: true })
})
