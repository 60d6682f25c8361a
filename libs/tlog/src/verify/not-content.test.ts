import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { notContent } from './not-content.ts'

const MiB = 1024 * 1024
const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** A store with one file, which notes how much was asked for at once. */
function storeOf(file: Buffer | undefined) {
  const asked: number[] = []
  return {
    asked,
    readPart(_path: string, offset: number, length: number) {
      asked.push(length)
      return Promise.resolve(file?.subarray(offset, offset + length))
    },
  }
}

test('content of any size is checked to its last byte, a part at a time', async () => {
  for (const size of [0, 1, 4 * MiB - 1, 4 * MiB, 4 * MiB + 1, 9 * MiB]) {
    const file = Buffer.alloc(size, 'x')
    const named = { digest: digestOf(file), size }
    const store = storeOf(file)
    assert.equal(await notContent(store, 'content', named), undefined, String(size))
    assert.ok(store.asked.every((length) => length <= 4 * MiB))
    const longer = Buffer.concat([file, Buffer.from('x')])
    assert.equal(await notContent(storeOf(longer), 'content', named), `it has more than ${size} bytes`)
    if (size === 0) continue
    const shorter = file.subarray(1)
    assert.equal(await notContent(storeOf(shorter), 'content', named), `it has ${size - 1} bytes and not ${size}`)
    for (const place of [0, size - 1]) {
      const changed = Buffer.from(file)
      changed[place] = 0
      assert.equal(await notContent(storeOf(changed), 'content', named), 'it is not what its digest says')
    }
  }
  assert.equal(
    await notContent(storeOf(undefined), 'content', { digest: digestOf(Buffer.alloc(0)), size: 0 }),
    'it is missing',
  )
})

test('of a file that goes on for ever no more is read than there should be', async () => {
  const store = storeOf(Buffer.alloc(20 * MiB))
  assert.equal(
    await notContent(store, 'content', { digest: digestOf(Buffer.alloc(1)), size: 1 }),
    'it has more than 1 bytes',
  )
  assert.deepEqual(store.asked, [2])
})
