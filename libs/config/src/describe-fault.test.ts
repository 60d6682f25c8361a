import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { describeFault } from './describe-fault.ts'
import { readValue } from './read-value.ts'

const told = (schema: z.ZodType, value: unknown, holdsSecrets = false) =>
  describeFault(schema.safeParse(value).error!.issues[0]!, value, { holdsSecrets })

test('R47: what is wrong with a value is said in words, whatever it is', () => {
  const mode = z.enum(['enforce', 'shadow'])
  const cases: [z.ZodType, unknown, string][] = [
    [z.string(), undefined, 'is missing: it must be text'],
    [z.string(), 7, 'must be text, not 7'],
    [z.object({}), [], 'must be a mapping of keys to values, not a list'],
    [z.boolean(), null, 'must be true or false, not null'],
    [z.coerce.number(), 'seven', 'must be a number, not "seven"'],
    [z.coerce.number().int(), '1.5', 'must be a whole number, not "1.5"'],
    [z.number().min(1), 0, 'must be at least 1'],
    [z.number().positive(), 0, 'must be more than 0'],
    [z.number().max(5), 6, 'must be at most 5'],
    [z.number().lt(5), 5, 'must be less than 5'],
    [z.number().multipleOf(5), 3, 'must be a multiple of 5, not 3'],
    [z.string().min(1), '', 'must not be empty'],
    [z.string().min(3), 'ab', 'is too short: at least 3 characters'],
    [z.array(z.string()).max(1), ['a', 'b'], 'is too long: at most 1 entries'],
    [mode, 'enforced', 'must be `enforce` or `shadow`, not "enforced"; did you mean `enforce`?'],
    [z.union([z.string(), z.number()]), {}, 'fits none of the forms that it may have'],
    [z.iso.datetime(), 'soon', 'must be an instant like 2026-01-31T12:00:00Z, not "soon"'],
    [z.strictObject({}), { b: 1 }, 'has a key that is not known: b'],
    [z.url(), 'x', 'must be a URL, not "x"'],
    [z.string().regex(/^a$/), 'b', 'must be text that matches /^a$/, not "b"'],
    [z.string().regex(/^a$/, 'must be an a'), 'b', 'must be an a, not "b"'],
  ]
  for (const [schema, value, message] of cases) assert.equal(told(schema, value), message)
})

test('R47, I9: of what may be a secret, only what kind of value it is is told', () => {
  const secret = 'hunter2-hunter2'
  const mode = z.enum(['enforce', 'shadow'])
  for (const schema of [z.number(), mode, z.url(), z.string().regex(/^a$/), z.iso.datetime(), z.string().max(3)])
    assert.doesNotMatch(told(schema, secret, true), /hunter2/)
  assert.equal(told(z.number(), secret, true), 'must be a number, not text')
})

test('a value that people wrote is read, or all that is wrong with it is said with its place', () => {
  const schema = z.strictObject({ users: z.array(z.object({ id: z.string(), groups: z.array(z.string()) })) })
  const good = { users: [{ id: 'a', groups: [] }] }
  assert.deepEqual(readValue(schema, good), good)
  const bad = { users: [{ id: 7, groups: 'all' }, { groups: [] }], hunter2: 1 }
  const message =
    'users[0].id must be text, not a number; users[0].groups must be a list, not text; users[1].id is missing: it must be text; it has a key that is not known'
  assert.throws(() => readValue(schema, bad, { holdsSecrets: true }), new Error(message))
})
