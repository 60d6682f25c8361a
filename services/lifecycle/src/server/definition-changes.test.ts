import assert from 'node:assert/strict'
import { test } from 'node:test'
import { definitionChanges } from './definition-changes.ts'

test('each member that changed is listed with its pointer', () => {
  assert.deepEqual(
    definitionChanges(
      { same: { x: [1] }, 'a/b~c': 1, gone: null, list: [1, 2], kind: { deep: true } },
      { same: { x: [1] }, 'a/b~c': 2, added: {}, list: [1, 3, 4], kind: [] },
    ),
    [
      { path: '/a~1b~0c', before: '1', after: '2' },
      { path: '/gone', before: 'null' },
      { path: '/list/1', before: '2', after: '3' },
      { path: '/list/2', after: '4' },
      { path: '/kind', before: '{"deep":true}', after: '[]' },
      { path: '/added', after: '{}' },
    ],
  )
  assert.deepEqual(definitionChanges(undefined, { a: 1 }), [{ path: '', after: '{"a":1}' }])
  assert.deepEqual(definitionChanges({ toString: 1 }, {}), [{ path: '/toString', before: '1' }])
})

test('the list and its texts are bounded, and say so', () => {
  const many = Object.fromEntries(Array.from({ length: 80 }, (_, index) => [`k${index}`, 'x'.repeat(1000)]))
  const changes = definitionChanges({}, many)
  assert.equal(changes.length, 50)
  assert.equal(changes[0]?.after?.length, 501)
  assert.deepEqual(changes.at(-1), { path: '', after: '(31 more changes are not listed)' })
})
