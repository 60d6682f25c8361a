import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linearPattern } from './linear-pattern.ts'
import { TooMuchWork, WorkLimit } from './work-limit.ts'

const limits = () => ({ compile: new WorkLimit(100_000), match: new WorkLimit(10_000_000) })
const compile = (source: string) => linearPattern(source, limits())

test('a pattern means what it means in ECMAScript', () => {
  const texts = [
    '',
    'a',
    'ab',
    'A1_',
    ' ',
    '\u00a0',
    '\u2028',
    '\r',
    '\n',
    'a\n',
    '\v',
    '.',
    '[',
    ']',
    ':',
    '/',
    '-',
    '\b',
  ]
  texts.push(
    '\u0001',
    '\0',
    '\u{1f600}',
    'é',
    'aé',
    'Ω',
    'a b',
    'p:',
    'l]',
    '\ufeff',
    '\u{10ffff}',
    '(',
    'ab|',
    '^',
    '\\',
  )
  for (const source of [
    ...[
      '^.$',
      '^\\s$',
      '^\\S$',
      '^[\\s]$',
      '^[\\S]$',
      '^[^\\s]$',
      'a$',
      '^$',
      '\\bb',
      'a\\B',
      '^[\\b]$',
      '^[[:alpha:]$',
    ],
    ...['^[[:a]$', '^[\\]]$', '^[^]$', '^[]$', '^\\cA$', '^\\0$', '^\\x41', '^\\u0041', '^\\u{41}', '^\\ud83d\\ude00$'],
    ...[
      '^[\\u{1f5ff}-\\u{1f6ff}]$',
      '^\\/$',
      '^[\\-a]$',
      '^(?<n>a)b$',
      '^(?:a|b)+$',
      '^\\w\\d_$',
      '^\\W$',
      '^[\\w.-]+$',
    ],
    ...[
      '^\\p{L}$',
      '^\\P{L}$',
      '^(?!a)\\w+$',
      '^(?=.*b)(?!.*c)[a-z]+$',
      '^(?![()|])(?!\\))\\S$',
      '^(?=(?:a|[)])b)ab$',
      'a{2,}|b',
    ],
  ]) {
    const ours = compile(source)
    const theirs = new RegExp(source, 'u')
    for (const text of texts) assert.equal(ours.test(text), theirs.test(text), `${source} on ${JSON.stringify(text)}`)
  }
})

test('what other generators write for an e-mail address is judged', () => {
  const email = compile(
    "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$",
  )
  assert.ok(email.test('ann.lee+x@mail.example.com'))
  for (const text of ['.ann@example.com', 'ann..lee@example.com', 'ann@example', 'ann'])
    assert.ok(!email.test(text), text)
})

test('I7: what no linear engine does is refused with the reason', () => {
  const reasons: [string, RegExp][] = [
    ['(a)\\1', /back-references/],
    ['(?<n>a)\\k<n>', /back-references/],
    ['a(?=b)', /\(\?=…\) is not supported/],
    ['(?<!a)b', /\(\?<!…\) is not supported/],
    ['^(?!a)b|c', /\(\?!…\) is not supported/],
    ['^(?!(?=a)b)c', /\(\?=…\) is not supported/],
    ['^a{1,2000}$', /repeat count/],
    ['\\ud800', /surrogate/],
    ['(', /Invalid regular expression/],
    ['\\Qa', /Invalid escape/],
    ['a'.repeat(5000), /more than 4096 characters/],
  ]
  for (const [source, reason] of reasons) assert.throws(() => compile(source), { message: reason }, source)
  assert.throws(() => compile('[a-z]{1000}'.repeat(200)), /steps/)
})

test('I7: matching takes no more steps than it may', () => {
  const { compile: instructions, match } = limits()
  const pattern = linearPattern('(?:a|b)*a(?:a|b){901}$', { compile: instructions, match })
  const text = 'ab'.repeat(2500)
  assert.ok(pattern.test(text))
  assert.throws(() => {
    for (let again = 0; again < 10; again++) pattern.test(text)
  }, TooMuchWork)
  match.renew()
  assert.ok(pattern.test(text))
})
