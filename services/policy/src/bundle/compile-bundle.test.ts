import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileBundle } from './compile-bundle.ts'
import { problemLine } from './problem-line.ts'

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

test('R5: unknown keys are errors, placed at the key', () => {
  const text = policy('a', '    - name: all\n      when: "true"\n      effect: allow\n      reson: typo')
  assert.deepEqual(problemsOf(text), ['1.yaml:9:7: spec.rules[0]: unknown key "reson"; look for a typing mistake'])
  assert.match(problemsOf(`${policy('a')}  mod: shadow\n`)[0]!, /^1\.yaml:7:3: spec: unknown key "mod"/)
})

test('schema problems are placed at the value, or at what misses it', () => {
  assert.match(problemsOf(policy('A_b'))[0]!, /^1\.yaml:3:19: metadata\.name: /)
  assert.match(problemsOf(policy('a', '    - { name: r, when: "true", effect: alow }'))[0]!, /^1\.yaml:6:40: /)
  assert.match(problemsOf(policy('a', '    - { name: r, when: "true", effect: hold }'))[0]!, /^1\.yaml:6:7: .*approval/)
  assert.match(problemsOf('just text\n')[0]!, /^1\.yaml:1:1: document: /)
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
