import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileBundle } from './compile-bundle.ts'
import { problemLine } from '@countersign/documents'

const policy = (name: string, rules = '    - { name: all, when: "true", effect: allow }') =>
  `apiVersion: countersign.dev/v1alpha1\nkind: ToolPolicy\nmetadata: { name: ${name} }\nspec:\n  rules:\n${rules}\n`
const compile = (...texts: string[]) => compileBundle(texts.map((text, index) => ({ file: `${index + 1}.yaml`, text })))
const problemsOf = (...texts: string[]) => compile(...texts).problems.map(problemLine)

test('several documents a file and several files make one set, sorted by name', () => {
  const { set, problems } = compile(`${policy('b')}---\n${policy('a')}---\n# nothing here\n`, policy('c'))
  assert.deepEqual(problems, [])
  assert.deepEqual(
    set.policies.map(({ name, file }) => `${name} ${file}`),
    ['a 1.yaml', 'b 1.yaml', 'c 2.yaml'],
  )
})

test('the revision is of the documents: not of their order, files or comments', () => {
  const one = compile(policy('a'), policy('b')).set.revision
  assert.match(one, /^sha256:[0-9a-f]{64}$/)
  assert.equal(compile(`# a comment\n${policy('b')}---\n${policy('a')}`).set.revision, one)
  assert.notEqual(compile(policy('a'), policy('c')).set.revision, one)
})

test('broken YAML is placed', () => {
  assert.match(problemsOf(`${policy('a')}---\na: [1\n`)[0]!, /^1\.yaml:\d+:\d+: not valid YAML: /)
  assert.match(problemsOf(policy('a').replace('kind', 'apiVersion'))[0]!, /^1\.yaml:2:1: not valid YAML: .*unique/)
  assert.match(problemsOf('a: &x [1]\nb: !thing 1\n')[0]!, /^1\.yaml:2:4: not valid YAML: .*tag/)
})

const rule = (text: string) => policy('a', `    - { ${text} }`)

test('R5: a misspelt key is named by itself, with its rule and what was meant', () => {
  const misspelt = (text: string) => problemsOf(rule(text))
  assert.deepEqual(misspelt('name: r, when: "true", efect: allow'), [
    '1.yaml:6:32: rule "r": unknown key `efect`, did you mean `effect`?',
  ])
  assert.deepEqual(misspelt('nmae: r, when: "true", effect: allow'), [
    '1.yaml:6:9: rule 1, which has no name: unknown key `nmae`, did you mean `name`?',
  ])
  assert.deepEqual(misspelt('name: r, wehn: "true", effect: hold, aproval: { groups: [a] }'), [
    '1.yaml:6:18: rule "r": unknown key `wehn`, did you mean `when`?',
    '1.yaml:6:46: rule "r": unknown key `aproval`, did you mean `approval`?',
  ])
  assert.deepEqual(misspelt('name: r, when: "true", effect: hold, approval: { group: [a], expires: 5m }'), [
    '1.yaml:6:58: rule "r": unknown key `group` in `approval`, did you mean `groups`?',
    '1.yaml:6:70: rule "r": unknown key `expires` in `approval`, did you mean `expiresAfter`?',
  ])
  assert.deepEqual(problemsOf(`${policy('a')}  mod: shadow\n`), [
    '1.yaml:7:3: unknown key `mod` in `spec`, did you mean `mode`?',
  ])
  assert.deepEqual(problemsOf(policy('a').replace('kind:', 'kynd:')), [
    '1.yaml:2:1: unknown key `kynd`, did you mean `kind`?',
  ])
})

test('R5: a key that is no misspelling is told what may stand there, or where it belongs', () => {
  assert.deepEqual(problemsOf(rule('name: r, when: "true", effect: allow, colour: red')), [
    '1.yaml:6:47: rule "r": unknown key `colour`; what may stand here: name, when, reason, effect, approval',
  ])
  assert.deepEqual(problemsOf(rule('name: r, when: "true", effect: hold, quorum: 2, approval: { groups: [a] }')), [
    '1.yaml:6:46: rule "r": unknown key `quorum`, it belongs under `approval`',
  ])
  assert.deepEqual(problemsOf(rule('name: r, when: "true", effect: allow, approval: { groups: [a] }')), [
    '1.yaml:6:47: rule "r": `approval` goes with `effect: hold`, but the effect here is "allow"; change one of them',
  ])
  assert.deepEqual(problemsOf(`${policy('a')}  limits: []\n`), [
    '1.yaml:7:3: `limits` is not enforced yet, so it is refused rather than ignored; remove it',
  ])
})

test('R24: what is redacted is read with its place, and a path that cannot be read is told at its line', () => {
  const redacting = (redaction: string) => `${policy('a')}  redact:\n    - { ${redaction} }\n`
  const { set, problems } = compileBundle([{ file: '1.yaml', text: redacting('in: result, path: "$..data"') }])
  assert.deepEqual([problems, set.policies[0]!.redactions], [[], [{ in: 'result', path: '$..data', tools: ['*'] }]])
  assert.deepEqual(problemsOf(redacting('in: result, path: "$[?x]"')), [
    '1.yaml:8:27: redact: the path $[?x] cannot be read from "[?x]" on',
  ])
  assert.match(
    problemsOf(redacting('in: everything, path: "$.a"'))[0]!,
    /^1\.yaml:8:13: .* must be `arguments`, `result` or `facts`/,
  )
  assert.match(problemsOf(redacting('in: result, path: "$.a", tool: x'))[0]!, /did you mean `tools`/)
})

test('R24: a policy that only redacts needs no rules; one that does nothing is refused', () => {
  const head = 'apiVersion: countersign.dev/v1alpha1\nkind: ToolPolicy\nmetadata: { name: a }\nspec:\n'
  const redact = '  redact: [{ in: result, path: "$..data" }]\n'
  for (const text of [head + redact, `${head}  rules: []\n${redact}`]) {
    const { set, problems } = compileBundle([{ file: '1.yaml', text }])
    assert.deepEqual([problems, set.policies[0]!.rules, set.policies[0]!.redactions.length], [[], [], 1])
  }
  const nothing = /^1\.yaml:\d:\d+: policy "a" has neither `rules` nor `redact`, so it would do nothing/
  for (const spec of ['  mode: enforce\n', '  rules: []\n', '  rules: []\n  redact: []\n']) {
    const [problem, ...more] = problemsOf(head + spec)
    assert.match(problem!, nothing)
    assert.deepEqual(more, [])
  }
})

test('a hold without approval says why it needs one, with an example that compiles', () => {
  const [problem, ...more] = problemsOf(rule('name: writes, when: "true", effect: hold'))
  assert.deepEqual(more, [])
  assert.match(
    problem!,
    /^1\.yaml:6:7: rule "writes": `approval` is missing: a held call waits for people, .* for example {2}approval: /,
  )
  const [, example] = problem!.split('for example')
  assert.deepEqual(problemsOf(rule(`name: writes, when: "true", effect: hold, ${example}`)), [])
})

test('R5: a hold is no longer than what it is about is kept, and as long as that allows', () => {
  const holding = (expiresAfter: string) =>
    rule(`name: writes, when: "true", effect: hold, approval: { groups: [a], expiresAfter: ${expiresAfter} }`)
  for (const allowed of ['6d', '144h', '518400s']) assert.deepEqual(problemsOf(holding(allowed)), [], allowed)
  for (const refused of ['7d', '145h', '518401s']) {
    assert.deepEqual(problemsOf(holding(refused)), [
      `1.yaml:6:90: rule "writes": \`approval.expiresAfter\` must be at most 6d, not "${refused}": arguments over 256 KiB are kept for 7d, and must still be there when the last vote lets them run; write 6d or less, the call can be asked for again`,
    ])
  }
})

test('schema problems say what the value must be, placed at it, or at what misses it', () => {
  assert.deepEqual(problemsOf(policy('A_b')), ['1.yaml:3:19: `metadata.name` must be a lower-case DNS name, not "A_b"'])
  const cases: [rule: string, problem: string][] = [
    [
      'name: r, when: "true", effect: alow',
      '6:40: rule "r": `effect` must be `allow`, `deny` or `hold`, not "alow"; did you mean `allow`?',
    ],
    ['name: r, when: "true"', '6:7: rule "r": `effect` is missing: it must be `allow`, `deny` or `hold`'],
    ['name: r, when: true, effect: deny', '6:24: rule "r": `when` must be text, not true'],
    ['when: "true", effect: deny', '6:7: rule 1, which has no name: `name` is missing: it must be text'],
    [
      'name: r, when: "true", effect: hold, approval: { groups: [] }',
      '6:66: rule "r": `approval.groups` must not be empty',
    ],
    [
      'name: r, when: "true", effect: hold, approval: { groups: [a], quorum: 0 }',
      '6:79: rule "r": `approval.quorum` must be at least 1',
    ],
    [
      'name: r, when: "true", effect: hold, approval: { groups: a }',
      '6:66: rule "r": `approval.groups` must be a list, not "a"',
    ],
    [
      'name: r, when: "true", effect: hold, approval: { groups: [a], expiresAfter: soon }',
      '6:85: rule "r": `approval.expiresAfter` must be a whole number with s, m, h or d, like 15m, not "soon"',
    ],
  ]
  for (const [text, problem] of cases) assert.deepEqual(problemsOf(rule(text)), [`1.yaml:${problem}`])
  assert.deepEqual(problemsOf(policy('a', '    - just text')), [
    '1.yaml:6:7: rule 1, which has no name: it must be a mapping of keys to values, not "just text"',
  ])
  assert.deepEqual(problemsOf('just text\n'), ['1.yaml:1:1: it must be a mapping of keys to values, not "just text"'])
})

test('CEL problems of syntax and of types are placed at the `when` value', () => {
  const rules =
    '    - { name: one, when: "args.x ==", effect: allow }\n    - name: two\n      when: tool.readonly\n      effect: allow'
  const problems = problemsOf(policy('a', rules))
  assert.match(problems[0]!, /^1\.yaml:6:26: rule "one": `when` is not CEL: /)
  assert.match(problems[1]!, /^1\.yaml:8:13: rule "two": `when` does not fit the types .*readonly/)
})

test('names are given once: policies in the whole set, rules in a document', () => {
  assert.deepEqual(problemsOf(policy('a'), policy('a')), [
    '2.yaml:3:19: there is a policy "a" already, in 1.yaml line 3',
  ])
  const twice = '    - { name: r, when: "true", effect: allow }\n    - { name: r, when: "true", effect: deny }'
  assert.match(problemsOf(policy('a', twice))[0]!, /^1\.yaml:7:15: policy "a" has more than one rule "r"/)
})

test('an alias bomb is refused, not expanded', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]',
    'c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]',
    'd: [*c,*c,*c,*c]',
  ]
  assert.match(problemsOf(bomb.join('\n'))[0]!, /alias/i)
})
