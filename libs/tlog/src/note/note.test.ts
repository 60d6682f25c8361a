import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { openCheckpoint, signCheckpoint } from './checkpoint.ts'
import { cosigner, ed25519Signer, parseVerifierKey } from './keys.ts'
import { addSignature, BadNote, openNote, signNote } from './note.ts'

const newKey = () => generateKeyPairSync('ed25519').privateKey
const signer = ed25519Signer(newKey(), 'log.example/a')
const text = 'If you think cryptography is the answer to your problem,\nthen you do not know what your problem is.\n'

test('the note of the Go library opens, and one changed letter spoils it', () => {
  // From the documentation of golang.org/x/mod/sumdb/note: Peter Neumann's key.
  const key = parseVerifierKey('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW')
  const note =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
    '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
  assert.deepEqual(openNote(note, [key]).signedBy, [key])
  assert.throws(() => openNote(note.replace('answer', 'Answer'), [key]), /does not verify/)
})

test('verifier keys are read back; one that was changed is refused', () => {
  const { key } = signer
  assert.deepEqual(parseVerifierKey(`${key.text}\n`).id, key.id)
  for (const bad of [
    '',
    'log.example',
    key.text.replace('log', 'Log'),
    key.text.slice(0, -8),
    key.text.replace(/\+[0-9a-f]{8}\+/, '+00000000+'),
    key.text.replace(/\+A/, '+B'),
  ]) {
    assert.throws(() => parseVerifierKey(bad), /verifier key/, bad)
  }
  assert.throws(() => ed25519Signer(newKey(), 'two words'), /cannot name a key/)
})

test('old and new key both sign while keys are rotated, and either verifies', () => {
  const [older, newer] = [ed25519Signer(newKey(), 'log.example/a'), ed25519Signer(newKey(), 'log.example/a')]
  const note = signNote(text, [newer, older])
  for (const { key } of [older, newer]) {
    const { signedBy, unknown } = openNote(note, [key])
    assert.deepEqual(signedBy, [key])
    assert.equal(unknown.length, 1)
  }
  assert.equal(openNote(note, [older.key, newer.key]).signedBy.length, 2)
  assert.throws(() => openNote(note, [signer.key]), /no trusted key signed it; it is signed only by log\.example/)
})

test('a known key whose signature is wrong spoils a note that another one signed', () => {
  const other = ed25519Signer(newKey(), 'log.example/b')
  const forged = signNote('another text\n', [other])
  const note = signNote(text, [signer]) + forged.slice(forged.lastIndexOf('— '))
  assert.throws(() => openNote(note, [signer.key, other.key]), /signature of log\.example\/b .* does not verify/)
  assert.equal(openNote(note, [signer.key]).unknown.length, 1)
})

test('what is not a note is refused with the reason', () => {
  const note = signNote(text, [signer])
  const bad: [string, RegExp][] = [
    ['', /not a signed note/],
    [text, /not a signed note/],
    [note.slice(0, -1), /not a signed note/],
    [note.replace('— ', '- '), /not a signature/],
    [note.replace(/ [^ ]+\n$/, ' AAAA\n'), /not a signature/],
    [`a\tb\n\n${note.split('\n\n')[1]}`, /control characters/],
    [`${note}${'x'.repeat(1024 * 1024)}`, /longer than/],
    [note + '— a AAAAAAAA\n'.repeat(100), /more than 100/],
  ]
  for (const [each, reason] of bad) {
    assert.throws(
      () => openNote(each, [signer.key]),
      (error: Error) => error instanceof BadNote && reason.test(error.message),
      each.slice(0, 40),
    )
  }
})

test('a checkpoint with the cosignature of a witness verifies with either key', () => {
  const root = Buffer.alloc(32, 7)
  const log = signCheckpoint({ origin: 'log.example/a', size: 42, root }, [signer])
  const witness = cosigner(newKey(), 'witness.example/w', () => 1_679_315_147_000)
  const note = addSignature(log, witness)
  assert.match(witness.key.text, /^witness\.example\/w\+[0-9a-f]{8}\+B/)
  for (const key of [signer.key, witness.key]) {
    const { origin, size, root: read } = openCheckpoint(note, [key])
    assert.deepEqual([origin, size, read], ['log.example/a', 42, root])
  }
  // The witness's own timestamp is part of what it signed.
  const line = note.split('\n').at(-2)!
  const bytes = Buffer.from(line.split(' ')[2]!, 'base64')
  assert.equal(bytes.readBigUInt64BE(4), 1_679_315_147n)
  bytes.writeUInt8(bytes.readUInt8(11) ^ 1, 11)
  const later = note.replace(line, `— witness.example/w ${bytes.toString('base64')}`)
  assert.throws(() => openCheckpoint(later, [witness.key]), /does not verify/)
})

test('a checkpoint that is not one is refused', () => {
  for (const body of ['o\n01\nAAAA\n', `o\n-1\n${'A'.repeat(43)}=\n`, 'o\n1\n\n', `o\n1\n${'A'.repeat(42)}B=\n`]) {
    assert.throws(() => openCheckpoint(signNote(body, [signer]), [signer.key]), BadNote)
  }
})
