/** What ECMAScript calls white space, as ranges of a class; RE2 means ASCII by `\s`. */
const space = String.raw`\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`
const notSpace = String.raw`\x00-\x08\x0e-\x1f!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}`
const anyButLineEnd = String.raw`[^\n\r\x{2028}\x{2029}]`

/** An escape: what ECMAScript (with the flag `u`) allows after a backslash. */
const escape =
  /\\(?:u\{(?<brace>[0-9a-fA-F]+)\}|u(?<high>d[89ab][0-9a-f]{2})\\u(?<low>d[c-f][0-9a-f]{2})|u(?<four>[0-9a-fA-F]{4})|c(?<control>[a-zA-Z])|[pP]\{[^}]*\}|x[0-9a-fA-F]{2}|(?<one>[\s\S]))/iy

/** Thrown for what no linear engine does. */
export class NotLinear extends Error {
  override name = 'NotLinear'
}

/**
 * Says an ECMAScript pattern (flag `u`) in the syntax of RE2, with the same meaning.
 *
 * @param source a pattern that `new RegExp(source, 'u')` accepts
 * @throws NotLinear for look-around, back-references and inline flags
 */
export function toRe2(source: string): string {
  let text = ''
  let inClass = false
  for (let at = 0; at < source.length;) {
    const rest = source.slice(at, at + 4)
    if (rest.startsWith('\\')) {
      escape.lastIndex = at
      const match = escape.exec(source)!
      text += escapeToRe2(match[0], match.groups!, inClass)
      at += match[0].length
    } else if (inClass) {
      // RE2 would read `[:alpha:]` inside of a class.
      text += rest[0] === '[' ? '\\[' : rest[0]
      inClass = rest[0] !== ']'
      at += 1
    } else if (rest.startsWith('[')) {
      const [opening, whole] = rest.startsWith('[^]')
        ? ['[^]', '[\\x00-\\x{10ffff}]']
        : rest.startsWith('[]')
          ? ['[]', '[^\\x00-\\x{10ffff}]']
          : [rest.startsWith('[^') ? '[^' : '[', '']
      text += whole || opening
      inClass = whole === ''
      at += opening.length
    } else if (rest.startsWith('(?') && rest[2] !== ':') {
      const name = /^\(\?<[^=!][^>]*>/.exec(source.slice(at))?.[0]
      if (name === undefined) throw new NotLinear(`${rest.replace(/[^(?=!<]/g, '')}…) is not supported`)
      text += '(?:'
      at += name.length
    } else {
      text += rest[0] === '.' ? anyButLineEnd : rest[0]
      at += 1
    }
  }
  return text
}

function escapeToRe2(escaped: string, groups: Record<string, string | undefined>, inClass: boolean): string {
  const { brace, high, low, four, control, one } = groups
  if (high !== undefined && low !== undefined) {
    return codePoint(((parseInt(high, 16) - 0xd800) << 10) + (parseInt(low, 16) - 0xdc00) + 0x10000)
  }
  const hex = brace ?? four
  if (hex !== undefined) return codePoint(parseInt(hex, 16))
  if (control !== undefined) return codePoint(control.charCodeAt(0) % 32)
  if (one === 's') return inClass ? space : `[${space}]`
  if (one === 'S') return inClass ? notSpace : `[${notSpace}]`
  if (one === '0') return codePoint(0)
  if (one === 'b' && inClass) return codePoint(8)
  if (one === '/') return '/'
  if (one === 'k' || (one !== undefined && /[1-9]/.test(one))) throw new NotLinear('back-references are not supported')
  return escaped
}

function codePoint(value: number): string {
  if (value >= 0xd800 && value <= 0xdfff) throw new NotLinear('half of a surrogate pair is not supported')
  return `\\x{${value.toString(16)}}`
}
