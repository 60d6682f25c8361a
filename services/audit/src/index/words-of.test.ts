import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wordsOf } from './words-of.ts'

test('of large content the first words are found, and no more of it is looked at', () => {
  const numbered = (count: number) => Array.from({ length: count }, (_, place) => `w${place}`)
  assert.deepEqual(wordsOf({ text: numbered(3000).join(' ') }), numbered(2000))
  assert.deepEqual(wordsOf({ list: numbered(3000) }), numbered(2000))
  // The same again and again: nothing but the bound ends it.
  const mostChars = 512 * 1024
  const nearly = 'same '.repeat(Math.floor(mostChars / 5) - 1)
  assert.deepEqual(wordsOf([`${nearly}whole`, 'within']), ['same', 'whole', 'within'])
  assert.deepEqual(wordsOf([`${nearly}same whole beyond`, 'beyond']), ['same', 'whole'])
  assert.deepEqual(wordsOf(['same '.repeat(mostChars), 'beyond']), ['same'])
  assert.deepEqual(wordsOf([...Array.from({ length: mostChars / 2 }, () => 1), 'beyond']), ['1'])
  assert.deepEqual(wordsOf([...Array.from({ length: mostChars / 2 - 1 }, () => 1), 'within']), ['1', 'within'])
})
