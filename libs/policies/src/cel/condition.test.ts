import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@countersign/contracts'
import { compileCondition, type Condition } from './condition.ts'
import { CelPrincipal, CelTool } from './environment.ts'
import { toCel } from './to-cel.ts'

const known = {
  tool: new CelTool({
    name: 'write_file',
    server: 'files',
    readOnly: false,
    destructive: true,
    idempotent: false,
    openWorld: true,
  }),
  principal: new CelPrincipal({ id: 'agent', tenant: 'default', groups: ['agents'] }),
  server: 'files',
  method: 'tools/call',
}

function condition(text: string): Condition {
  const compiled = compileCondition(text)
  if ('problem' in compiled) throw new Error(compiled.problem)
  return compiled.condition
}

const judge = (text: string, args: JsonObject = {}) =>
  condition(text).judge({ ...known, args: toCel(args) as Map<string, unknown> })
const without = (text: string) => condition(text).judgeWithoutArguments(known)
const problem = (text: string) => {
  const compiled = compileCondition(text)
  return 'problem' in compiled ? compiled.problem : 'none'
}

test('conditions see the tool, the principal, the server, the method and the arguments', () => {
  assert.equal(judge('tool.name == "write_file" && tool.destructive && !tool.readOnly'), true)
  assert.equal(judge('"agents" in principal.groups && principal.tenant == "default"'), true)
  assert.equal(judge('server == "files" && method == "tools/call" && tool.server == server'), true)
  assert.equal(judge('args.spec.replicas > 3', { spec: { replicas: 5 } }), true)
  assert.equal(judge('args.kind in ["Secret", "ConfigMap"]', { kind: 'Secret' }), true)
})

test('an absent argument reads as null', () => {
  assert.equal(judge('args.kind == "Secret"'), false)
  assert.equal(judge('args.kind != "Secret"'), true)
  assert.equal(judge('args.kind == null && args["other"] == null'), true)
  assert.equal(judge('args.kind in ["Secret"]'), false)
  assert.equal(judge('args.spec.kind == "Secret"', { spec: {} }), false)
  assert.equal(judge('args.a == "x" || args.b == "y"', { b: 'y' }), true)
})

test('has() tells absent from null', () => {
  assert.equal(judge('has(args.kind)'), false)
  assert.equal(judge('has(args.kind)', { kind: null }), true)
  assert.equal(judge('!has(args.kind) && args.other == null'), true)
  assert.equal(judge('has(args.spec.kind)'), false)
  assert.equal(judge('"kind" in args'), false)
})

test('what null cannot do is an error, not an answer', () => {
  for (const text of [
    'args.path.startsWith("/data")',
    'args.n > 5',
    'args.a.b == 1',
    'pathInside(args.path, "/data")',
  ]) {
    const outcome = judge(text)
    assert.ok(typeof outcome === 'object' && outcome.error.length > 0, text)
  }
})

test('an error is absorbed where the rest decides', () => {
  assert.equal(judge('args.n > 5 || tool.destructive'), true)
  assert.equal(judge('tool.readOnly && args.n > 5'), false)
})

test('members named like those every object inherits are arguments like any other', () => {
  const hostile = JSON.parse('{"constructor":"c","__proto__":{"admin":true},"path":"/etc"}')
  assert.equal(judge('args.path == "/etc"', hostile), true)
  assert.equal(judge('args.constructor == "c"', hostile), true)
  assert.equal(judge('args.admin == true', hostile), false)
  assert.equal(judge('args.__proto__ == null && args.constructor == null && args.toString == null'), true)
  assert.equal(judge('has(args.hasOwnProperty)'), false)
})

test('pathInside takes one path or a list, every one of which must be inside', () => {
  assert.equal(judge('pathInside(args.path, "/data")', { path: '/data/a' }), true)
  assert.equal(judge('pathInside(args.path, "/data")', { path: '/data/../etc' }), false)
  assert.equal(judge('pathInside(args.paths, "/data")', { paths: ['/data/a', 'b'] }), true)
  assert.equal(judge('pathInside(args.paths, "/data")', { paths: ['/data/a', '/etc'] }), false)
  assert.equal(judge('pathInside(args.paths, "/data")', { paths: ['/data/a', 3] }), false)
  assert.equal(judge('pathInside(args.paths, "/data")', { paths: [] }), true)
})

test('without arguments a condition is true, false or unknown', () => {
  assert.equal(without('tool.destructive'), true)
  assert.equal(without('tool.readOnly'), false)
  assert.equal(without('args.kind == "Secret"'), 'unknown')
  assert.equal(without('tool.readOnly && args.kind == "Secret"'), false)
  assert.equal(without('args.kind == "Secret" || tool.destructive'), true)
  assert.equal(without('has(args.kind)'), 'unknown')
  assert.equal(without('tool.destructive ? args.n > 1 : true'), 'unknown')
})

test('a condition is refused for syntax, unknown names, types and a result that is not bool', () => {
  assert.match(problem('args.kind =='), /not CEL: .*character 13/)
  assert.match(problem('tool.readonly'), /types.*readonly.*character 6/)
  assert.match(problem('tools.readOnly'), /Unknown variable: tools/)
  assert.match(problem('tool.name + 1 == "x"'), /no such overload: string \+ int/)
  assert.match(problem('tool.name'), /must be true or false, but is of type string/)
  assert.match(problem('args.enabled'), /of type dyn/)
  assert.match(problem('pathInside(args.path)'), /pathInside/)
  assert.match(problem('true &&\n  foo'), /line 2, character 3/)
})

test('I7: matches runs in linear time wherever it stands, and is that of RE2', () => {
  const evil = { path: `${'a'.repeat(50_000)}!`, paths: [`${'a'.repeat(50_000)}!`], pattern: '^(a+)+$' }
  for (const text of [
    'args.path.matches("^(a+)+$")',
    'args.path.matches(args.pattern)',
    'args.paths.exists(p, p.matches("^(a+)+$"))',
    'args.paths.exists_one(p, p.matches("^(a|a)*$"))',
    'args.paths.filter(p, p.matches("^(a+)+$")).size() > 0',
    'args.paths.map(p, p.matches("^(a+)+$"))[0]',
    'args.paths.map(p, p.matches("^(a+)+$"), true).size() > 0',
    '[args.path.matches("^(a+)+$")][0]',
    '{"k": args.path.matches("^(a+)+$")}["k"]',
    '(args.path.matches("^(a+)+$") ? "y" : "n") == "y"',
    '!(!args.path.matches("^(a+)+$") || false)',
  ]) {
    assert.equal(judge(text, evil), false, text)
  }
  assert.equal(judge('args.paths.all(p, !p.matches("^(a+)+$"))', evil), true)
  assert.equal(judge('args.path.matches("^/data/[a-z]+[.]txt$")', { path: '/data/notes.txt' }), true)
  assert.equal(judge('"x.matches(y)".matches("^x.matches")'), true)
})

test('I7: a pattern that cannot be matched in linear time, or would take too long, is an error', () => {
  const error = (text: string, args: JsonObject = {}) => (judge(text, args) as { error: string }).error
  assert.match(error('args.path.matches("(?=a)b")', { path: 'b' }), /matches\("\(\?=a\)b"\): /)
  assert.match(error('args.path.matches("(a)\\\\1")', { path: 'b' }), /invalid escape/)
  assert.match(error('args.path.matches("(?:a|b)*a(?:a|b){900}$")', { path: 'ab'.repeat(50_000) }), /steps/)
  assert.match(error('"a".matches(args.pattern)', { pattern: 'a'.repeat(2000) }), /more than 1000 characters/)
  assert.match(error('"a".matches(args.pattern)', { pattern: '[a-z]{1000}'.repeat(90) }), /steps/)
  // Each is small; compiling them all is what would take too long, and keep too much.
  const many = (patterns: number) => ({ l: Array.from({ length: patterns }, (_, n) => `(x|y${n}){20}$`) })
  assert.equal(judge('args.l.exists(x, "abc".matches(x))', many(10)), false)
  assert.match(error('args.l.exists(x, "abc".matches(x))', many(2000)), /steps/)
  assert.equal(judge('args.l.exists(x, "abc".matches(x))', { l: ['b'] }), true, 'the next evaluation starts over')
  assert.match(problem('tool.name.matches(5)'), /'string\.matches\(int\)'/)
  assert.match(error('args.path.matches("a")'), /\.matches\(/)
})
