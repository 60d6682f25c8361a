import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BoundedMap } from './bounded-map.ts'

test('a bounded map keeps what is used, and never more than it may', () => {
  const map = new BoundedMap<number, string>(10)
  map.set(0, 'used')
  for (let key = 1; key <= 1000; key++) {
    map.set(key, `value ${key}`)
    assert.equal(map.get(key), `value ${key}`)
    assert.equal(map.get(0), 'used')
    const kept = Array.from({ length: key + 1 }, (_, each) => each).filter((each) => map.get(each) !== undefined)
    assert.ok(kept.length <= 10, `${kept.length} after ${key}`)
  }
  map.set(0, 'anew')
  assert.equal(map.get(0), 'anew')
  map.clear()
  assert.equal(map.get(0), undefined)
})
