import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { auditLogOrigin, verbs } from '@countersign/contracts'
import {
  parseWitnessPolicy,
  readCheckpoint,
  readCosignatures,
  verifierKey,
  verifyCallProof,
  verifyLog,
} from '@countersign/tlog'
import { findOmniwitness, startTestBus, startWitness, type TestWitness, until } from '@countersign/testing'
import { proveCall } from '../src/log/prove.ts'
import { Witnessing } from '../src/witness/witnessing.ts'
import { auditFolder, callWriter, openTestLog, startAudit, testRecords } from './harness.ts'

const omniwitness = await findOmniwitness()
const skip = 'none' in omniwitness && omniwitness.none
const vkeyOf = ({ publicKey, name }: TestWitness) => verifierKey(publicKey, name).text
const lineOf = (witness: TestWitness, name: string) => `witness ${name} ${vkeyOf(witness)} ${witness.url}`

/** A log, and witnesses that know it. */
async function witnessed(t: TestContext, names: readonly string[]) {
  const folder = await auditFolder(t)
  const logKey = createPublicKey(await readFile(folder.keyFile, 'utf8'))
  const vkey = verifierKey(logKey, auditLogOrigin('default')).text
  const { path } = omniwitness as { path: string }
  const witnesses = await Promise.all(
    names.map((name) => startWitness(t, path, { name: `witness.example/${name}`, logs: [vkey] })),
  )
  const dir = join(folder.dir, 'default')
  return { folder, dir, witnesses, log: await openTestLog(folder), trusted: [verifierKey(logKey, 'any')] }
}

/** Asks the witnesses of a policy, once each time it is told to. */
function witnessing(log: Awaited<ReturnType<typeof openTestLog>>, policy: string) {
  const problems: { problem: string; conflict: boolean }[] = []
  const failures: string[] = []
  const asking = new Witnessing({
    trees: () => log.trees,
    policy: () => Promise.resolve(parseWitnessPolicy(policy)),
    everyMs: 1000,
    onCosigned: () => {},
    onFailure: (witness, why) => failures.push(`${witness} ${why}`),
    onProblem: (_tenant, problem, conflict) => problems.push({ problem, conflict }),
  })
  return { asking, problems, failures }
}

test(
  'R32: a published witness cosigns each tree as it grows, and the verifier checks it',
  { skip, timeout: 120_000 },
  async (t) => {
    const { folder, dir, log, trusted, witnesses } = await witnessed(t, ['one', 'two'])
    const policy = witnesses.map((witness, place) => lineOf(witness, `W${place}`)).join('\n')
    const { asking, problems } = witnessing(log, policy)
    const keys = parseWitnessPolicy(policy).witnesses.map(({ key }) => key)
    const cosigned = async (file: string) => {
      const note = await readFile(join(dir, file), 'utf8')
      return { size: readCheckpoint(note).size, by: readCosignatures(note, keys).map(({ key }) => key.name) }
    }
    // From nothing, within one tile, over the edge of tiles, and far.
    for (const [from, count] of [
      [1, 1],
      [2, 99],
      [101, 156],
      [257, 1],
      [258, 700],
    ] as const) {
      await log.append(testRecords(count, from))
      await asking.round()
      const both = { size: from + count - 1, by: ['witness.example/one', 'witness.example/two'] }
      // Nothing came after, so whoever reads the newest checkpoint sees it cosigned.
      assert.deepEqual([await cosigned('checkpoint'), await cosigned('witnessed-checkpoint')], [both, both])
      assert.equal(asking.standing('default').size, both.size)
    }
    await log.append(testRecords(10, 958))
    assert.equal(asking.unwitnessed, 10)
    assert.deepEqual(problems, [])
    const found = await verifyLog({ dir: folder.dir }, { trusted, witnesses: parseWitnessPolicy(policy) })
    assert.deepEqual(found.problems, [])
    assert.deepEqual([found.trees[0]!.size, found.trees[0]!.witnessed?.size], [967, 957])

    // A proof of a call that they had seen carries their word.
    const [entry] = await log.tree('default').read(5, 1)
    const { callId } = (JSON.parse(entry!.text) as { record: { callId: string } }).record
    const proof = JSON.stringify((await proveCall(log, { tenant: 'default', callId }, [5])).proof)
    assert.equal(verifyCallProof(proof, trusted, parseWitnessPolicy(policy)).witnessedBy!.length, 2)
    const other = verifierKey(generateKeyPairSync('ed25519').publicKey, 'witness.example/other').text
    assert.throws(() => verifyCallProof(proof, trusted, parseWitnessPolicy(other)), /not cosigned by all witnesses/)
    const missing = await verifyLog({ dir: folder.dir }, { trusted, witnesses: parseWitnessPolicy(other) })
    assert.match(missing.problems[0]!.reason, /no checkpoint of this tree is cosigned by all witnesses/)

    // A cosignature that was put under another checkpoint is found.
    const forged = await readFile(join(dir, 'witnessed-checkpoint'), 'utf8')
    const newest = await readFile(join(dir, 'checkpoint'), 'utf8')
    await writeFile(join(dir, 'checkpoint'), newest + forged.trim().split('\n').slice(-1).join('') + '\n')
    const spoilt = await verifyLog({ dir: folder.dir }, { trusted, witnesses: parseWitnessPolicy(policy) })
    assert.match(
      spoilt.problems.map(({ reason }) => reason).join(),
      /the cosignature of witness\.example\/two .* does not verify/,
    )
    await log.close()
  },
)

test(
  'R32: a log that goes on knows after a restart of either how far the witness is',
  { skip, timeout: 120_000 },
  async (t) => {
    const { folder, dir, log, witnesses } = await witnessed(t, ['one'])
    const policy = lineOf(witnesses[0]!, 'W')
    await log.append(testRecords(300))
    await witnessing(log, policy).asking.round()
    await log.close()
    const again = await openTestLog(folder)
    await again.append(testRecords(50, 301))
    await witnesses[0]!.stop()
    await witnesses[0]!.start()
    const { asking, problems } = witnessing(again, policy)
    await asking.round()
    assert.deepEqual(problems, [])
    assert.equal(readCheckpoint(await readFile(join(dir, 'witnessed-checkpoint'), 'utf8')).size, 350)
    // Crash recovery writes the checkpoint of the journal again; the cosigned one is still there.
    await again.close()
    await (await openTestLog(folder)).close()
    assert.equal(readCheckpoint(await readFile(join(dir, 'witnessed-checkpoint'), 'utf8')).size, 350)
  },
)

test(
  'R32: a log that was set back, or of which there are two, is told as a conflict and not cosigned',
  { skip, timeout: 120_000 },
  async (t) => {
    const { folder, dir, log, witnesses } = await witnessed(t, ['one'])
    const policy = lineOf(witnesses[0]!, 'W')
    await log.append(testRecords(10))
    await log.close()
    await cp(folder.dir, `${folder.dir}-copy`, { recursive: true })
    const full = await openTestLog(folder)
    await full.append(testRecords(20, 11))
    await witnessing(full, policy).asking.round()
    await full.close()

    await rm(folder.dir, { recursive: true })
    await cp(`${folder.dir}-copy`, folder.dir, { recursive: true })
    const setBack = await openTestLog(folder)
    const { asking, problems, failures } = witnessing(setBack, policy)
    await asking.round()
    assert.match(problems[0]!.problem, /witness W: it has seen 30 entries, and the log has 10: the log was set back/)
    assert.equal(problems[0]!.conflict, true)
    // It grows beyond what was seen, with other entries.
    await setBack.append(testRecords(40, 500))
    await asking.round()
    assert.match(
      problems.map(({ problem }) => problem).join('\n'),
      /it has seen 30 entries that are not the first 30 of this log/,
    )
    assert.deepEqual([...new Set(failures)], ['W conflict'])
    await assert.rejects(readFile(join(dir, 'witnessed-checkpoint')))
    await setBack.close()
    await rm(`${folder.dir}-copy`, { recursive: true })
  },
)

test(
  'R32: of several witnesses a quorum is enough; one that hangs, lies or is away delays no append',
  { skip, timeout: 120_000 },
  async (t) => {
    const { dir, log, witnesses } = await witnessed(t, ['one', 'two'])
    const held: ServerResponse[] = []
    let hangs = true
    const hung = createServer((_, response) => (hangs ? held.push(response) : response.writeHead(500).end()))
    await new Promise<void>((resolve) => hung.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      hung.close()
      hung.closeAllConnections()
    })
    const silent = verifierKey(generateKeyPairSync('ed25519').publicKey, 'witness.example/hung').text
    // Its key is another than the one that it signs with.
    const liar = verifierKey(generateKeyPairSync('ed25519').publicKey, 'witness.example/two').text
    const lines = [
      lineOf(witnesses[0]!, 'good'),
      `witness liar ${liar} ${witnesses[1]!.url}`,
      `witness hung ${silent} http://127.0.0.1:${(hung.address() as AddressInfo).port}/`,
      'group any any good liar hung',
      'group two 2 good liar hung',
    ]
    await log.append(testRecords(5))
    const strict = witnessing(log, [...lines, 'quorum two'].join('\n'))
    const round = strict.asking.round()
    await until(() => held.length === 1, 'one hangs')
    // It is asked still, and what is appended does not wait.
    for (let n = 0; n < 20; n++) await log.append(testRecords(1, 6 + n))
    assert.equal(held.length, 1)
    hangs = false
    held[0]!.writeHead(500).end('no')
    await round
    assert.match(strict.problems[0]!.problem, /not enough for two: witness liar: .*witness hung: it answered 500: no/)
    assert.deepEqual(strict.failures.toSorted(), ['hung refused', 'liar unreachable'])
    await assert.rejects(readFile(join(dir, 'witnessed-checkpoint')))

    const { asking, problems } = witnessing(log, [...lines, 'quorum any'].join('\n'))
    await asking.round()
    assert.deepEqual(problems, [])
    const note = await readFile(join(dir, 'witnessed-checkpoint'), 'utf8')
    assert.equal(readCheckpoint(note).size, 25)
    await log.close()
  },
)

test('R32: the service asks by itself, and says how far it is', { skip, timeout: 120_000 }, async (t) => {
  const { folder, dir, log, witnesses } = await witnessed(t, ['one'])
  await log.close()
  const testBus = await startTestBus(t)
  const policyFile = join(folder.dir, '..', 'witnesses')
  await writeFile(policyFile, lineOf(witnesses[0]!, 'W'))
  const settings = { COUNTERSIGN_AUDIT_WITNESS_POLICY_FILE: policyFile, COUNTERSIGN_AUDIT_WITNESS_INTERVAL_MS: '100' }
  await startAudit(t, testBus, folder, settings)
  const [writer, console] = [await callWriter(testBus), await testBus.connect('console')]
  for (let n = 0; n < 20; n++) await writer.request()
  const { witnessed: standing } = await until(async () => {
    const status = await console.callApi(verbs.audit.status, { tenant: 'default' })
    return status.witnessed?.size === 20 && status
  }, 'all is cosigned')
  assert.ok(Date.parse(standing!.at!) <= Date.now())
  assert.equal(readCheckpoint(await readFile(join(dir, 'checkpoint'), 'utf8')).size, 20)
  await witnesses[0]!.stop()
  await writer.request()
  await until(async () => {
    const status = await console.callApi(verbs.audit.status, { tenant: 'default' })
    return status.witnessed?.problem?.includes('witness W: ') && status.size === 21
  }, 'it says that the witness is away')
})
