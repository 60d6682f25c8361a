import { stripVTControlCharacters } from 'node:util'

const maxLength = 200
/** Who signs in by a URL, with a password as a rule, which the program may have from somewhere that nobody here knows of. */
const userInfo = /\/\/[^/@\s]+@/g
/** A runtime writes more after the line that says what went wrong: where in the program, and its own version. */
const tells = /\b\w*(?:error|exception|panic|fatal)\b/i

/**
 * What a program that is gone wrote of the reason, as the end of a sentence.
 *
 * @param lines of its standard error, without secrets (I9), the oldest first
 */
export function lastWords(lines: readonly string[]): string {
  const written = lines
    .map((line) => stripVTControlCharacters(line).replaceAll(userInfo, '//…@').trim())
    .filter((line) => line !== '')
  const line = written.findLast((each) => tells.test(each) && !each.startsWith('at ')) ?? written.at(-1)
  if (line === undefined) return ', and wrote nothing to standard error'
  return `, and wrote: ${line.length > maxLength ? `${line.slice(0, maxLength).toWellFormed()}…` : line}`
}
