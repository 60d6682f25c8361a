const sentinel = { start: '=?base64?', end: '?=' } as const

/** Writes a header value; what HTTP cannot carry travels in the base64 form of the specification (2026-07-28, Value Encoding). */
export function encodeHeaderValue(value: string): string {
  const plain = /^[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?$/.test(value)
  return plain && !looksEncoded(value)
    ? value
    : `${sentinel.start}${Buffer.from(value, 'utf8').toString('base64')}${sentinel.end}`
}

/** Reads a header value back; undefined for one that says it is base64 and is not, in its one canonical form and of UTF-8. */
export function decodeHeaderValue(value: string): string | undefined {
  if (!looksEncoded(value)) return value
  const payload = value.slice(sentinel.start.length, -sentinel.end.length)
  const bytes = Buffer.from(payload, 'base64')
  if (bytes.toString('base64') !== payload) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function looksEncoded(value: string): boolean {
  return value.startsWith(sentinel.start) && value.endsWith(sentinel.end)
}
