import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { parseVerifierKey, signatureTypes, verifierKey } from '../note/keys.ts'
import { parseWitnessPolicy } from './witness-policy.ts'

const keyOf = (name: string) => verifierKey(generateKeyPairSync('ed25519').publicKey, name)
const [a, b, c] = [keyOf('a.example'), keyOf('b.example'), keyOf('c.example')].map(({ text }) => text)
const sameKey = verifierKey(parseVerifierKey(a!).publicKey, 'other.example').text

test('R32: a policy names witnesses, groups of them, and which are enough', () => {
  const policy = parseWitnessPolicy(
    [
      '# ours',
      `log ${keyOf('log.example').text} https://log.example`,
      `witness A ${a} https://a.example/w`,
      `witness B ${b}`,
      `witness C ${c}`,
      'group two 2 A B C',
      'group most all A two',
      'quorum most',
      '',
    ].join('\n'),
  )
  assert.deepEqual(
    policy.witnesses.map(({ name, key, url }) => [name, key.name, key.type, url?.href]),
    [
      ['A', 'a.example', signatureTypes.cosignature, 'https://a.example/w'],
      ['B', 'b.example', signatureTypes.cosignature, undefined],
      ['C', 'c.example', signatureTypes.cosignature, undefined],
    ],
  )
  const [wa, wb, wc] = policy.witnesses.map(({ key }) => key)
  assert.equal(policy.quorum, 'most')
  for (const [keys, met] of [
    [[], false],
    [[wa], false],
    [[wb, wc], false],
    [[wa, wc], true],
    [[wa, wb, wc], true],
  ] as const)
    assert.equal(policy.isMetBy(new Set(keys.map((key) => key!))), met)
})

test('R32: without a quorum everybody is needed; with none, nobody', () => {
  const everybody = parseWitnessPolicy(`${a}\n${b}\n`)
  const [wa, wb] = everybody.witnesses.map(({ key }) => key)
  assert.equal(everybody.isMetBy(new Set([wa!])), false)
  assert.equal(everybody.isMetBy(new Set([wa!, wb!])), true)
  assert.equal(parseWitnessPolicy(`${a}\nquorum none`).isMetBy(new Set()), true)
})

test('R32: what is wrong with a policy is said with its line', () => {
  const bad: [string, RegExp][] = [
    ['', /names no witness/],
    ['witness A', /line 1: witness, group or quorum is expected/],
    [`witness A ${a} ftp://a`, /line 1: "ftp:\/\/a" is no http/],
    [`witness A ${a!.replace('+A', '+B')}`, /line 1: /],
    [`witness A ${a}\nwitness A ${b}`, /line 2: "A" is no new name/],
    [`witness A ${a}\nwitness B ${a}`, /line 2: the key of B is there already/],
    [`witness A ${a}\ngroup g 2 A`, /line 2: "2" of 1 cannot be/],
    [`witness A ${a}\ngroup g 0 A`, /line 2: "0" of 1 cannot be/],
    [`witness A ${a}\ngroup g any B`, /line 2: "B" is no witness/],
    [`witness A ${a}\ngroup two 2 A A`, /line 2: "A" is named twice/],
    [`witness A ${a}\nwitness B ${b}\ngroup g any A B\ngroup two 2 g B g`, /line 4: "g" is named twice/],
    [`witness A ${a}\nwitness B ${sameKey}`, /line 2: the key of B is there already/],
    [`witness A ${'5d'.repeat(32)}`, /line 1: "(5d)+" is not a verifier key/],
    [`witness A ${a}\nquorum g`, /line 2: "g" is no witness/],
    [`witness A ${a}\nquorum A\nquorum none`, /line 3: /],
  ]
  for (const [text, reason] of bad) assert.throws(() => parseWitnessPolicy(text), reason, text)
})
