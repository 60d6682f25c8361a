import { erasedMark, isJsonObject, type Json } from '@countersign/contracts'

/** Words of one value that are indexed, at most; the rest of it is not found by its text. */
const maxWords = 2000
const maxWordLength = 64
/** Characters of one value that are looked at for them, at most; each text or number counts as one more. */
const maxLookedAt = 512 * 1024
/** What was encrypted and could not be opened: a JWE in its compact form. */
const jwe = /^eyJ[\w-]*\.[\w-]*\.[\w-]*\.[\w-]*\.[\w-]*$/

/**
 * The words in the strings and numbers of a value: runs of letters and digits in lower case (NFKC), each once. Names of members are
 * not among them.
 */
export function wordsOf(value: Json): string[] {
  const found: Found = { words: new Set(), left: maxLookedAt }
  collect(value, found)
  return [...found.words]
}

/** The words in a text, in order, each with what follows it. */
export function splitWords(text: string): { word: string; open: boolean }[] {
  return Array.from(wordsIn(text), ({ word, open }) => ({ word, open }))
}

/** The same, one by one, each with where it stands: of a long text not all are wanted. */
function* wordsIn(text: string): Generator<{ word: string; open: boolean; at: number }> {
  const found = text
    .normalize('NFKC')
    .toLowerCase()
    .matchAll(/([\p{L}\p{N}]+)(\*?)/gu)
  for (const { index: at, 1: word, 2: star } of found) yield { word: cut(word!), open: star === '*', at }
}

/** Words that were found, and how many characters are still to be looked at. */
interface Found {
  words: Set<string>
  left: number
}

function collect(value: Json, found: Found): void {
  const { words } = found
  if (words.size >= maxWords || found.left <= 0) return
  if (value === erasedMark) return
  if (typeof value === 'string' || typeof value === 'number') {
    const text = String(value)
    if (jwe.test(text)) return
    for (const { word, at } of wordsIn(text)) {
      if (words.size >= maxWords || at >= found.left) break
      words.add(word)
    }
    found.left -= text.length + 1
  } else if (Array.isArray(value)) for (const each of value) collect(each, found)
  else if (isJsonObject(value)) for (const each of Object.values(value)) collect(each, found)
}

function cut(word: string): string {
  // Not in the middle of a character outside the basic plane.
  return word.length > maxWordLength ? word.slice(0, maxWordLength).replace(/[\uD800-\uDBFF]$/, '') : word
}
