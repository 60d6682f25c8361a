import { erasedMark, isJsonObject, type Json } from '@countersign/contracts'

/** Words of one value that are indexed, at most; the rest of it is not found by its text. */
const maxWords = 2000
const maxWordLength = 64
/** What was encrypted and could not be opened: a JWE in its compact form. */
const jwe = /^eyJ[\w-]*\.[\w-]*\.[\w-]*\.[\w-]*\.[\w-]*$/

/**
 * The words in the strings and numbers of a value: runs of letters and digits in lower case (NFKC), each once. Names of members are
 * not among them.
 */
export function wordsOf(value: Json): string[] {
  const words = new Set<string>()
  collect(value, words)
  return [...words]
}

/** The words in a text, in order, each with what follows it. */
export function splitWords(text: string): { word: string; open: boolean }[] {
  const found = text
    .normalize('NFKC')
    .toLowerCase()
    .matchAll(/([\p{L}\p{N}]+)(\*?)/gu)
  return [...found].map(([, word, star]) => ({ word: cut(word!), open: star === '*' }))
}

function collect(value: Json, words: Set<string>): void {
  if (words.size >= maxWords) return
  if (value === erasedMark) return
  if (typeof value === 'string' || typeof value === 'number') {
    if (jwe.test(String(value))) return
    for (const { word } of splitWords(String(value))) {
      if (words.size >= maxWords) return
      words.add(word)
    }
  } else if (Array.isArray(value)) for (const each of value) collect(each, words)
  else if (isJsonObject(value)) for (const each of Object.values(value)) collect(each, words)
}

function cut(word: string): string {
  // Not in the middle of a character outside the basic plane.
  return word.length > maxWordLength ? word.slice(0, maxWordLength).replace(/[\uD800-\uDBFF]$/, '') : word
}
