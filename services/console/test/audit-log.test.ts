import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { type CallProof, verbs } from '@countersign/contracts'
import { addSignature, cosigner, parseVerifierKey, proveCallFrom, verifierKey } from '@countersign/tlog'
import { calls, countersign, logFolder } from './audit-log-fixture.ts'
import { run } from '../src/cli/run.ts'
import { startConsole } from './console-fixture.ts'

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
  // What was given out for another tenant does not make this a log of that one.
  const theirs = verifierKey(parseVerifierKey(key).publicKey, 'countersign.dev/audit/acme').text
  const foreign = await countersign(cwd, 'verify', 'audit', '--key', theirs)
  assert.equal(foreign.exit, 1)
  assert.match(
    foreign.stdout,
    /wrong: default\/checkpoint: it is the log countersign\.dev\/audit\/default, and the key that was given is for another log: countersign\.dev\/audit\/acme\n/,
  )
  assert.equal((await countersign(cwd, 'verify', 'audit', '--key', theirs, '--any-tenant')).exit, 0)
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

test('R13: how far it is is shown at a terminal, on standard error, while a log is verified', async (t) => {
  const { dir } = await logFolder(t)
  const answer = Object.assign(new PassThrough(), { isTTY: false })
  const { isTTY } = process.stderr
  let shown = ''
  t.after(() => Object.assign(process.stderr, { isTTY }))
  t.mock.method(process.stderr, 'write', (text: string) => (shown += text) !== '')
  for (const [terminal, seen] of [
    [true, '\r\u001B[K400 entries read\r\u001B[K'],
    [false, ''],
  ] as const) {
    Object.assign(process.stderr, { isTTY: terminal })
    shown = ''
    assert.equal(await run(['audit', 'verify', dir, '--json'], answer, new PassThrough()), 0)
    assert.equal(shown, seen)
  }
  t.mock.restoreAll()
  for (const line of String(answer.read()).trim().split('\n')) assert.equal(JSON.parse(line).ok, true)
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
    [{ ...proof, entries: rest }, /it begins in the middle of the call, with allowed/],
    [{ ...proof, entries: [first, rest[2]] }, /succeeded may not follow requested/],
    [{ ...proof, entries: [rest[0], first] }, /it is entry 280 of the log, and comes after 281/],
    [{ ...proof, verifierKeys: [] }, /not a proof in the form/],
    ['not JSON', /it is not JSON/],
  ] as const) {
    await writeFile(join(cwd, 'bad.json'), typeof bad === 'string' ? bad : JSON.stringify(bad))
    const { exit, stdout } = await countersign(cwd, 'verify', 'bad.json')
    assert.deepEqual([exit, reason.test(stdout)], [1, true], stdout)
  }
})

test('I8, R13: a proof without a final event verifies, and says that the call may have gone on', async (t) => {
  const { cwd, key } = await logFolder(t)
  await countersign(cwd, 'prove', calls[70]!, '--log', 'audit', '--out', 'one.json')
  const whole = JSON.parse((await countersign(cwd, 'verify', 'one.json', '--key', key, '--json')).stdout)
  assert.deepEqual([whole.ok, whole.complete], [true, true])
  const proof = JSON.parse(await readFile(join(cwd, 'one.json'), 'utf8')) as CallProof
  await writeFile(join(cwd, 'begun.json'), JSON.stringify({ ...proof, entries: proof.entries.slice(0, 2) }))
  const { exit, stdout } = await countersign(cwd, 'verify', 'begun.json', '--key', key)
  assert.equal(exit, 0)
  assert.match(stdout, /allowed\nhas no final event in this proof: the call may have gone on\n/)
  const begun = JSON.parse((await countersign(cwd, 'verify', 'begun.json', '--key', key, '--json')).stdout)
  assert.deepEqual([begun.ok, begun.complete], [true, false])
})

test('R13: of a log that cannot be read it is said why, and what to do about that', async (t) => {
  const { cwd, dir } = await logFolder(t)
  const answers = { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' }
  const server = createServer((_request, response) => response.writeHead(answers.status).end(answers.body))
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening))
  t.after(() => server.close())
  const bucket = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bucket/audit`
  const refused = await countersign(cwd, 'verify', bucket)
  assert.equal(refused.exit, 3)
  assert.match(refused.stderr, /status 403 AccessDenied\n +the bucket is not public: set AWS_ACCESS_KEY_ID/)
  assert.doesNotMatch(refused.stderr, /name the folder of a log/)
  assert.match(
    (await countersign(cwd, 'prove', calls[0]!, '--log', bucket)).stderr,
    /403 AccessDenied\n +the bucket is/,
  )
  answers.status = 404
  assert.match((await countersign(cwd, 'verify', bucket)).stderr, /there is no such bucket: write https:/)
  assert.match((await countersign(cwd, 'verify', new URL(bucket).origin)).stderr, /names no bucket/)
  await mkdir(join(cwd, 'empty'))
  assert.match((await countersign(cwd, 'verify', 'empty')).stderr, /no transparency log.*\n +name the folder of a log/)
  // Root reads everything.
  if (process.getuid?.() === 0) return
  await chmod(dir, 0)
  t.after(() => chmod(dir, 0o700))
  const denied = await countersign(cwd, 'verify', 'audit')
  assert.match(denied.stderr, /EACCES.*\n +run it as a user who may read all of the log/)
})

test('R13: a proof is asked of the console, which puts it together; what is not there is told', async (t) => {
  const { cwd, dir } = await logFolder(t)
  const console = await startConsole(t)
  const known = calls[3]!
  console.auditBus.serveApi(
    verbs.audit.prove,
    async ({ callId, from }) => {
      const proof = (await proveCallFrom({ dir }, callId))!
      const last = from + 1 === proof.entries.length
      return { proof: { ...proof, entries: proof.entries.slice(from, from + 1) }, next: last ? null : from + 1 }
    },
    (error) => assert.fail(String(error)),
  )
  const proved = await countersign(console.dir, 'prove', known)
  assert.equal(proved.exit, 0, proved.stderr)
  assert.match((await countersign(console.dir, 'verify', `${known}.proof.json`)).stdout, /proof\.json verifies/)
  const { entries } = JSON.parse(await readFile(join(console.dir, `${known}.proof.json`), 'utf8')) as CallProof
  assert.deepEqual(entries, (await proveCallFrom({ dir }, known))!.entries)

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
