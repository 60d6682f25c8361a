import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pathInside } from './path-inside.ts'

const inside: [string, string][] = [
  ['/data', '/data'],
  ['/data/', '/data'],
  ['/data/a/b.txt', '/data'],
  ['/data/a', '/data/'],
  ['//data///a', '/data'],
  ['/data/./a/../b', '/data'],
  ['/x/../data/a', '/data'],
  ['/../data/a', '/data'],
  ['a/b', '/data'],
  ['./a', '/data'],
  ['.', '/data'],
  ['a/..', '/data'],
  ['../data/a', '/data'],
  ['/anything', '/'],
  ['/data/a~b', '/data'],
  ['/data/...', '/data'],
  ['/data/a%20b', '/data'],
  ['a', 'data'],
  ['../data/a', 'data'],
]
const outside: [string, string][] = [
  ['/etc/passwd', '/data'],
  ['/database', '/data'],
  ['/data/../etc', '/data'],
  ['/data/a/../../etc', '/data'],
  ['..', '/data'],
  ['../etc', '/data'],
  ['a/../../etc', '/data'],
  ['/', '/data'],
  ['', '/data'],
  ['/data', ''],
  ['~', '/data'],
  ['~/a', '/data'],
  ['~root/a', '/'],
  ['/data/a\0', '/data'],
  ['/data\\..\\etc', '/data'],
  ['a\\b', '/data'],
  ['/data/%2e%2e/etc', '/data'],
  ['/data/%2E%2E/etc', '/data'],
  ['/data/..%2fetc', '/data'],
  ['/data/..%2Fetc', '/data'],
  ['/data/..%5cetc', '/data'],
  ['/data/a', 'data'],
  ['../../a', 'data'],
  ['../..', 'data/x'],
]

test('what lies in the folder by its text is inside', () => {
  for (const [path, folder] of inside) assert.ok(pathInside(path, folder), `${path} in ${folder}`)
})

test('what leaves the folder, or could be read as leaving it, is outside', () => {
  for (const [path, folder] of outside) assert.ok(!pathInside(path, folder), `${JSON.stringify(path)} in ${folder}`)
})
