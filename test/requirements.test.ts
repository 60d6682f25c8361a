import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { citations } from './citations.ts'
import { requirements } from './requirements.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const files = globSync(
  [
    'libs/*/{src,test}/**/*.test.ts',
    'services/*/{src,test}/**/*.test.ts',
    'deploy/*/src/**/*.test.ts',
    'test/**/*.test.ts',
  ],
  {
    cwd: root,
    exclude: (name) => name === 'node_modules',
  },
)
const found = files.flatMap((file) =>
  citations(readFileSync(join(root, file), 'utf8')).map((citation) => ({ file, ...citation })),
)

test('R1: every requirement has a test that says it proves it', () => {
  const proven = new Set(found.map(({ requirement }) => requirement))
  const open = Object.entries(requirements).filter(([requirement]) => !proven.has(requirement))
  assert.deepEqual(open, [], 'write a test, and begin its title with the number')
})

test('R1: no test claims a requirement that does not exist', () => {
  const unknown = found.filter(({ requirement }) => !Object.hasOwn(requirements, requirement))
  assert.deepEqual(unknown, [], 'add it to test/requirements.ts or mend the number')
})

test('R1: citations are read as they are written', () => {
  // In pieces, so that this file cites nothing by accident.
  const call = (title: string, name = 'test') => `${name}(${title}, () => {})`
  const read = (text: string) => citations(text).map(({ requirement }) => requirement)
  assert.deepEqual(read(call("'I4: a'")), ['I4'])
  assert.deepEqual(read(call('"I2, R7: it\'s"')), ['I2', 'R7'])
  assert.deepEqual(read(call('\n    `I1,I3: ${x}`', 'await t.test')), ['I1', 'I3'])
  assert.deepEqual(read(call("'I4 is upheld'")), [])
  assert.deepEqual(read(call("'see I4: a'")), [])
  assert.deepEqual(read(call("'I4: a'", 'test.skip')), [])
  assert.deepEqual(read(call("'I4: a'", 'test.todo')), [])
  assert.deepEqual(read(call("'I4: a'", 'contest')), [])
})
