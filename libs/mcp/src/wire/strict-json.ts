/** Thrown for text that is not JSON or that two parsers could read differently. */
export class StrictJsonError extends Error {
  override name = 'StrictJsonError'
}

const maxDepth = 64

/**
 * Parses JSON as RFC 7493 (I-JSON) wants it: what one parser read and approved must be what every other parser will run (I3).
 * So duplicate member names, numbers that a double cannot hold exactly, lone surrogates and deep nesting are refused.
 *
 * @throws StrictJsonError saying what was refused and what to send instead
 */
export function parseStrictJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    // The reason quotes the text, which may hold anything.
    const reason = (cause as Error).message.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?')
    throw new StrictJsonError(`the text is not JSON: ${reason}`, { cause })
  }
  new Scanner(text).scan()
  return value
}

/** Walks over text that `JSON.parse` has accepted, looking only for what I-JSON forbids. */
class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  scan(): void {
    this.#value(0)
  }

  #value(depth: number): void {
    this.#space()
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x7b: // {
        if (depth >= maxDepth)
          throw new StrictJsonError(`the JSON is nested more than ${maxDepth} deep; send a flatter value`)
        return this.#object(depth)
      case 0x5b: // [
        if (depth >= maxDepth)
          throw new StrictJsonError(`the JSON is nested more than ${maxDepth} deep; send a flatter value`)
        return this.#array(depth)
      case 0x22: // "
        this.#string()
        return
      case 0x74: // true
      case 0x6e: // null
        this.#at += 4
        return
      case 0x66: // false
        this.#at += 5
        return
      default:
        return this.#number()
    }
  }

  #object(depth: number): void {
    const seen = new Set<string>()
    this.#at += 1
    this.#space()
    while (this.#text.charCodeAt(this.#at) !== 0x7d) {
      const name = this.#string()
      if (seen.has(name))
        throw new StrictJsonError(`the member ${JSON.stringify(name)} appears twice in one object; send it once`)
      seen.add(name)
      this.#space()
      this.#at += 1 // :
      this.#value(depth + 1)
      this.#space()
      if (this.#text.charCodeAt(this.#at) === 0x2c) this.#at += 1
      this.#space()
    }
    this.#at += 1
  }

  #array(depth: number): void {
    this.#at += 1
    this.#space()
    while (this.#text.charCodeAt(this.#at) !== 0x5d) {
      this.#value(depth + 1)
      this.#space()
      if (this.#text.charCodeAt(this.#at) === 0x2c) this.#at += 1
      this.#space()
    }
    this.#at += 1
  }

  /** Reads a string and returns it unescaped. */
  #string(): string {
    const start = this.#at
    let end = start
    do end = this.#text.indexOf('"', end + 1)
    while (this.#escaped(end))
    this.#at = end + 1
    const raw = this.#text.slice(start, end + 1)
    const value = raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1)
    if (!value.isWellFormed()) throw new StrictJsonError('a string holds half of a surrogate pair; send valid Unicode')
    return value
  }

  #escaped(quote: number): boolean {
    let backslashes = 0
    while (this.#text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes += 1
    return backslashes % 2 === 1
  }

  #number(): void {
    const start = this.#at
    while (isNumberPart(this.#text.charCodeAt(this.#at))) this.#at += 1
    const literal = this.#text.slice(start, this.#at)
    const value = Number(literal)
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
      throw new StrictJsonError(`the number ${literal.slice(0, 40)} cannot be held exactly; send it as a string`)
    }
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at += 1
    }
  }
}

function isNumberPart(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) || code === 0x2e || code === 0x2d || code === 0x2b || code === 0x65 || code === 0x45
  )
}
