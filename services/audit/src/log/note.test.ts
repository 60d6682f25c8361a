import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { openNote, signNote, verifierKey } from './note.ts'

test('opens a note that Go signed', () => {
  // The example in the documentation of golang.org/x/mod/sumdb/note.
  const key = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
  const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
  const signature = 'x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM='
  assert.equal(openNote(`${text}\n— PeterNeumann ${signature}\n`, key), text)
  assert.throws(
    () => openNote(`${text.replace('answer', 'question')}\n— PeterNeumann ${signature}\n`, key),
    /does not verify/,
  )
})

test('what is signed opens with the key of the signer and with no other', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const note = signNote('hello\n\nworld\n', 'example.org/log', privateKey)
  assert.equal(openNote(note, verifierKey(publicKey, 'example.org/log')), 'hello\n\nworld\n')
  const other = generateKeyPairSync('ed25519').publicKey
  assert.throws(() => openNote(note, verifierKey(other, 'example.org/log')), /no signature/)
  assert.throws(() => openNote(note, verifierKey(publicKey, 'example.org/other')), /no signature/)
  assert.throws(() => openNote('hello\n', verifierKey(publicKey, 'example.org/log')), /not a signed note/)
  assert.throws(() => openNote(note, 'nonsense'), /not a verifier key/)
})
