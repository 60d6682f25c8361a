import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type CallProof, redactedMark, redactionDigest, redactionSalt } from '@countersign/contracts'
import { calls, countersign, created, logFolder } from './audit-log-fixture.ts'

const path = '/data/arguments/inline/token'
const original = 'hunter2'

test('R24, R13: the salt of one redaction lets anybody check a claimed original against what was sealed, offline', async (t) => {
  const key = randomBytes(32)
  const saltOf = (seq: number, at = path) =>
    redactionSalt(key, { tenant: 'default', stream: { created, seq }, path: at })
  // The first events of two calls, and another place of the second.
  const taken: Record<number, [path: string, value: string | object][]> = {
    1: [[path, original]],
    5: [[path, { nested: [1, 'x'] }]],
    6: [[path, original]],
  }
  const { cwd, key: logKey } = await logFolder(t, (seq) => {
    const all = taken[seq]
    if (!all) return {}
    const redactions = all.map(([at, value]) => ({
      path: at,
      digest: redactionDigest(saltOf(seq, at), value as string),
    }))
    return { redactions, cloudEvent: { data: { arguments: { inline: { token: redactedMark } } } } }
  })
  const redaction = (...args: string[]) => countersign(cwd, 'redaction', ...args)
  const write = (name: string, content: string | Buffer) => writeFile(join(cwd, name), content)
  await write('redaction.key', key)
  await countersign(cwd, 'prove', calls[0]!, '--log', 'audit', '--out', 'one.json')
  await countersign(cwd, 'prove', calls[1]!, '--log', 'audit', '--out', 'two.json')

  const given = await redaction('salt', 'one.json', '--path', path, '--redaction-key', 'redaction.key')
  assert.equal(given.exit, 0, given.stderr)
  const salt = given.stdout.split('\n')[0]!
  assert.equal(salt, saltOf(1))
  const json = JSON.parse((await redaction('salt', 'one.json', '--redaction-key', 'redaction.key', '--json')).stdout)
  assert.deepEqual([json.salt, json.path, json.event, json.callId], [salt, path, 'requested', calls[0]])

  const check = async (file: string, claimed: string | Buffer, more: string[]) => {
    await write('claimed', claimed)
    return redaction('check', file, '--original', 'claimed', ...more)
  }
  const trusted = ['--key', logKey]
  // As text, as an editor ends it, and as JSON.
  for (const claimed of [original, `${original}\n`, JSON.stringify(original)]) {
    const { exit, stdout } = await check('one.json', claimed, ['--salt', salt, ...trusted])
    assert.equal(exit, 0, stdout)
    assert.match(
      stdout,
      /^sealed in a log signed by countersign\.dev\/audit\/default\+.*\nit is what was taken out at /,
    )
  }
  for (const [claimed, with_] of [
    ['hunter3', salt],
    ['"\\ud800"', salt],
    [original, saltOf(5)],
  ] as const) {
    const no = await check('one.json', claimed, ['--salt', with_, ...trusted])
    assert.deepEqual([no.exit, /^it is not what was taken out/m.test(no.stdout)], [1, true], no.stdout)
  }
  assert.equal(JSON.parse((await check('one.json', original, ['--salt', salt, '--json'])).stdout).ok, true)

  // Two events of a call have the place.
  const many = await check('two.json', '{"nested":[1,"x"]}', ['--salt', saltOf(5)])
  assert.equal(many.exit, 2)
  assert.match(many.stderr, /said of 2 places; there are: .*\(requested, --seq 5\), .*\(allowed, --seq 6\)/)
  const nested = await check('two.json', '{ "nested": [1, "x"] }\n', ['--salt', saltOf(5), '--seq', '5'])
  assert.equal(nested.exit, 0, nested.stdout)
  assert.match(nested.stdout, /the keys are those that lie beside it/)
  const none = await redaction('salt', 'one.json', '--path', '/data/x', '--redaction-key', 'redaction.key')
  assert.deepEqual([none.exit, /nothing was taken out there; there are: \/data\/arg/.test(none.stderr)], [4, true])

  // A record alone, as the command line and exports have it, says nothing of the log.
  const proof = JSON.parse(await readFile(join(cwd, 'one.json'), 'utf8')) as CallProof
  const record: unknown = JSON.parse(proof.entries[0]!.entry)
  for (const content of [record, { index: 0, record }, { records: [{ index: 0, record }] }]) {
    await write('record.json', JSON.stringify(content))
    const { exit, stdout } = await check('record.json', original, ['--salt', salt])
    assert.equal(exit, 0, stdout)
    assert.match(stdout, /^a record alone does not show that it was sealed: a proof of its call does\n/)
  }
  await write(
    'records.jsonl',
    `${JSON.stringify({ record })}\n${JSON.stringify({ record: { ...(record as object), redactions: [] } })}\n`,
  )
  assert.equal((await check('records.jsonl', original, ['--salt', salt])).exit, 0)
  // A record that was put into a proof is not taken for what was sealed.
  const forged = proof.entries[0]!.entry.replace(redactionDigest(saltOf(1), original), redactionDigest(saltOf(1), 'x'))
  await write('forged.json', JSON.stringify({ ...proof, entries: [{ ...proof.entries[0]!, entry: forged }] }))
  const lie = await check('forged.json', 'x', ['--salt', salt, ...trusted])
  assert.deepEqual([lie.exit, /forged\.json does not verify: entry 1 of 1 is not proven/.test(lie.stdout)], [1, true])

  await write('short', 'x')
  for (const [args, reason] of [
    [['salt', 'one.json', '--redaction-key', 'short'], /short has fewer than 32 bytes/],
    [['salt', 'one.json'], /--redaction-key FILE is missing/],
    [['check', 'one.json', '--original', 'claimed'], /--salt HEX is missing/],
    [['check', 'one.json', '--salt', 'xyz', '--original', 'claimed'], /--salt must be 64 hex digits/],
    [['check', 'short', '--salt', salt, '--original', 'claimed'], /short has neither records .* nor a proof/],
    [['drop', 'one.json'], /must be one of: salt, check/],
  ] as const) {
    const { exit, stderr } = await redaction(...args)
    assert.deepEqual([exit, reason.test(stderr)], [2, true], stderr)
  }
})
