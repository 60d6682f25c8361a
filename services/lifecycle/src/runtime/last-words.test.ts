import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastWords } from './last-words.ts'

test('of what a program wrote last, the line that says what went wrong is told', () => {
  const node = [
    'file:///srv/server.js:3',
    "  throw new TypeError('no database')",
    '        ^',
    '',
    'TypeError: no database',
    '    at onError (file:///srv/server.js:3:9)',
    '',
    'Node.js v24.11.1',
  ]
  assert.equal(lastWords(node), ', and wrote: TypeError: no database')
  assert.equal(lastWords(['starting', 'cannot open the file', '']), ', and wrote: cannot open the file')
  assert.equal(lastWords(['\u001b[31mfatal: no disk\u001b[0m', 'bye']), ', and wrote: fatal: no disk')
  assert.equal(lastWords([' ']), ', and wrote nothing to standard error')
})

test('one line is not more than people read', () => {
  assert.equal(lastWords(['x'.repeat(5000)]), `, and wrote: ${'x'.repeat(200)}…`)
})
