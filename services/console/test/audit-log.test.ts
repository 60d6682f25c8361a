import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { auditLogOrigin, type CallProof, canonicalJson, newCallId, verbs } from '@countersign/contracts'
import {
  addSignature,
  cosigner,
  DirectoryStore,
  ed25519Signer,
  proveCallFrom,
  TreeLog,
  verifierKey,
} from '@countersign/tlog'
import { startConsole } from './console-fixture.ts'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const calls = Array.from({ length: 100 }, () => newCallId(Date.now()))

/** A folder with a log of calls, and the key it is signed with. */
async function logFolder(t: TestContext) {
  const cwd = await mkdtemp(join(tmpdir(), 'countersign-cli-'))
  t.after(() => rm(cwd, { recursive: true, force: true }))
  const key = generateKeyPairSync('ed25519').privateKey
  const origin = auditLogOrigin('default')
  const store = new DirectoryStore(join(cwd, 'audit'))
  const signers = () => Promise.resolve([ed25519Signer(key, origin)])
  const log = await TreeLog.open({ store, folder: 'default/', origin, signers })
  const storedAt = new Date().toISOString()
  const events = calls.flatMap((callId) =>
    ['requested', 'allowed', 'dispatched', 'succeeded'].map((event) => ({ callId, event })),
  )
  await log.append(
    events.map(({ callId, event }, index) => {
      const stream = { seq: index + 1, previous: index, created: '2026-11-22T09:00:00Z' }
      const record = { version: 2, tenant: 'default', server: 'files', callId, event, storedAt, stream, cloudEvent: {} }
      return Buffer.from(canonicalJson(record))
    }),
  )
  await store.close()
  return { cwd, dir: join(cwd, 'audit'), key: verifierKey(createPublicKey(key), origin).text }
}

/** Runs the command as a person would, in a folder. */
function countersign(cwd: string, ...args: string[]): Promise<{ exit: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'audit', ...args], { cwd }, (error, stdout, stderr) =>
      resolve({ exit: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
}

test('I8, R13: a log is verified offline, and what is wrong with it is said with its place', async (t) => {
  const { cwd, dir, key } = await logFolder(t)
  for (const args of [['audit'], ['audit/default'], ['audit', '--key', key]]) {
    const { exit, stdout } = await countersign(cwd, 'verify', ...args)
    assert.equal(exit, 0, stdout)
    assert.match(stdout, /countersign\.dev\/audit\/default {2}400 entries/)
    assert.match(stdout, /400 records, 100 calls that ended, 0 open/)
    assert.equal(/keys are those that lie beside it/.test(stdout), args.length === 1)
  }
  const json = await countersign(cwd, 'verify', 'audit', '--json')
  assert.deepEqual(JSON.parse(json.stdout).calls, { ended: 100, open: 0 })
  // From the state folder of a running Countersign.
  const tokens = { agent: 'a', agent2: 'a', approver: 'a', approver2: 'a', operator: 'a' }
  const local = { console: 'http://127.0.0.1:1', tokens, auditLog: { dir: join(dir, 'default'), verifierKey: key } }
  await writeFile(join(cwd, 'local.json'), JSON.stringify(local))
  assert.match((await countersign(cwd, 'verify', '--state', '.')).stdout, /default verifies/)
  const other = verifierKey(createPublicKey(generateKeyPairSync('ed25519').privateKey), 'x').text
  const untrusted = await countersign(cwd, 'verify', 'audit', '--key', other)
  assert.deepEqual([untrusted.exit, /no trusted key signed it/.test(untrusted.stdout)], [1, true])

  const bundle = join(dir, 'default/tile/entries/000')
  const bytes = await readFile(bundle)
  await writeFile(bundle, bytes.toString('latin1').replace('"event":"requested"', '"event":"requesteb"'), 'latin1')
  const changed = await countersign(cwd, 'verify', 'audit')
  assert.equal(changed.exit, 1)
  assert.match(
    changed.stdout,
    /wrong: default\/tile\/entries\/000, entry 0, byte 0: the entry is not the one that was sealed/,
  )
  assert.match(changed.stdout, /audit does not verify/)
})

test('R32, R13: what witnesses cosigned is checked when their keys are given', async (t) => {
  const { cwd, dir, key } = await logFolder(t)
  const witness = cosigner(generateKeyPairSync('ed25519').privateKey, 'witness.example/w')
  const file = join(dir, 'default/checkpoint')
  const note = await readFile(file, 'utf8')
  const without = await countersign(cwd, 'verify', 'audit', '--key', key, '--witness', witness.key.text)
  assert.deepEqual([without.exit, /not .*cosigned|no checkpoint .* cosigned/.test(without.stdout)], [1, true])
  await writeFile(file, addSignature(note, witness))
  const verified = await countersign(cwd, 'verify', 'audit', '--key', key, '--witness', witness.key.text)
  assert.equal(verified.exit, 0, verified.stdout)
  assert.match(verified.stdout, /witnessed +the first 400, by 20\S+Z, by witness\.example\/w/)
  await writeFile(join(cwd, 'policy'), `witness A ${witness.key.text} https://w.example\nquorum A\n`)
  await countersign(cwd, 'prove', calls[0]!, '--log', 'audit', '--out', 'one.json')
  const proof = await countersign(cwd, 'verify', 'one.json', '--key', key, '--witness', 'policy')
  assert.equal(proof.exit, 0, proof.stdout)
  assert.match(proof.stdout, /witnessed by witness\.example\/w/)
  assert.match((await countersign(cwd, 'verify', 'audit', '--witness', 'nonsense')).stderr, /--witness must be/)
})

test('I8, R13: a call is proven by a file that verifies by itself', async (t) => {
  const { cwd, dir, key } = await logFolder(t)
  const callId = calls[70]!
  const proved = await countersign(cwd, 'prove', callId, '--log', 'audit', '--out', 'one.json')
  assert.equal(proved.exit, 0, proved.stderr)
  await rm(dir, { recursive: true })
  const verified = await countersign(cwd, 'verify', 'one.json', '--key', key)
  assert.equal(verified.exit, 0, verified.stdout)
  assert.match(verified.stdout, new RegExp(`call ${callId} of default, in a log of 400 entries`))
  assert.match(verified.stdout, /280 .* requested\n.*\n.*\n.*283 .* succeeded/)
  const proof = JSON.parse(await readFile(join(cwd, 'one.json'), 'utf8')) as CallProof
  const [first, ...rest] = proof.entries
  const forged = (entry: Partial<CallProof['entries'][0]>) => ({
    ...proof,
    entries: [{ ...first!, ...entry }, ...rest],
  })
  for (const [bad, reason] of [
    [
      forged({ entry: first!.entry.replace('files', 'other') }),
      /entry 1 of 4 is not proven: the inclusion proof leads/,
    ],
    [forged({ proof: first!.proof.replace('index 280', 'index 281') }), /is not proven/],
    [forged({ proof: first!.proof.replace('\n400\n', '\n401\n') }), /does not verify/],
    [{ ...proof, callId: calls[0] }, /it is of another call/],
    [{ ...proof, entries: [rest[0], first] }, /it is entry 280 of the log, and comes after 281/],
    [{ ...proof, verifierKeys: [] }, /not a proof in the form/],
    ['not JSON', /it is not JSON/],
  ] as const) {
    await writeFile(join(cwd, 'bad.json'), typeof bad === 'string' ? bad : JSON.stringify(bad))
    const { exit, stdout } = await countersign(cwd, 'verify', 'bad.json')
    assert.deepEqual([exit, reason.test(stdout)], [1, true], stdout)
  }
})

test('R13: a proof is asked of the console; what is not there is told', async (t) => {
  const { cwd, dir } = await logFolder(t)
  const console = await startConsole(t)
  const known = calls[3]!
  console.auditBus.serveApi(
    verbs.audit.prove,
    async ({ callId }) => (await proveCallFrom({ dir }, callId))!,
    (error) => assert.fail(String(error)),
  )
  const proved = await countersign(console.dir, 'prove', known)
  assert.equal(proved.exit, 0, proved.stderr)
  assert.match((await countersign(console.dir, 'verify', `${known}.proof.json`)).stdout, /proof\.json verifies/)

  const refused: [string[], number, RegExp][] = [
    [['verify', 'nowhere'], 4, /there is no folder or file nowhere/],
    [['verify', '.'], 4, /there is no transparency log/],
    [['verify', 'http://127.0.0.1:1/bucket'], 3, /cannot be reached/],
    [['verify', 'audit', 'more'], 2, /one argument too many/],
    [['verify', 'audit', '--key', 'nonsense'], 2, /--key must be a verifier key/],
    [['prove'], 2, /an argument is missing/],
    [['prove', randomUUID(), '--log', 'audit'], 4, /has no call/],
    [['prove', '0199a0b0', '--log', 'audit'], 2, /the whole id of the call is needed/],
  ]
  for (const [args, exit, reason] of refused) {
    const answer = await countersign(cwd, ...args)
    assert.deepEqual([answer.exit, reason.test(answer.stderr)], [exit, true], answer.stderr + answer.stdout)
  }
})
