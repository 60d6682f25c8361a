import { CountersignError } from '@countersign/contracts'
import { splitWords } from '../index/words-of.ts'

const maxWords = 8
/** Fewer letters begin too many words. */
const minOpenLength = 3

/**
 * Makes a `tsquery` of what people look for: all of its words, `word*` for how one begins.
 *
 * @throws CountersignError `invalid_params` for none, too many, or a beginning that is too short
 */
export function textQuery(text: string): string {
  const words = splitWords(text)
  const problem =
    words.length === 0
      ? 'has no word: letters or digits'
      : words.length > maxWords
        ? `has ${words.length} words; ${maxWords} at most`
        : words.some(({ word, open }) => open && word.length < minOpenLength)
          ? `has a beginning that is too short: ${minOpenLength} letters or digits before *`
          : undefined
  if (problem !== undefined) throw new CountersignError('invalid_params', `text ${problem}`)
  // Words are letters and digits only, so quotes hold them.
  return words.map(({ word, open }) => `'${word}'${open ? ':*' : ''}`).join(' & ')
}
