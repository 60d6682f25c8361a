/** Controls, and characters that reorder or hide what stands beside them. */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
const wide =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u{ff01}-\u{ff60}]/u

/**
 * Text that is safe to show: what agents and tool servers write reaches the terminal of the person who approves, and must not
 * move its cursor, change colours or reverse the reading order. Such characters are shown by their code.
 */
export function printable(text: string): string {
  return text.replaceAll(hidden, (character) => {
    const code = character.codePointAt(0)!
    return code === 10 ? '\\n' : code === 9 ? '\\t' : `\\u{${code.toString(16)}}`
  })
}

/** Columns a text takes in a terminal. */
export function widthOf(text: string): number {
  let width = 0
  for (const character of text) width += /\p{Mn}/u.test(character) ? 0 : wide.test(character) ? 2 : 1
  return width
}

/** Cuts a text to a width, with `…` for what is left out. */
export function fit(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  let used = 1
  for (const character of text) {
    used += widthOf(character)
    if (used > width) break
    kept += character
  }
  return `${kept}…`
}
