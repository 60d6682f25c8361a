/** Thrown for text that is not JSON or that two parsers could read differently. */
export class StrictJsonError extends Error {
  override name = 'StrictJsonError'
  /**
   * What `JSON.parse` reads, for answering whoever sent it and for nothing else, and the members that lead to what was refused;
   * undefined for text that is no JSON.
   */
  readonly read: { value: unknown; path: readonly string[] } | undefined

  constructor(message: string, options?: ErrorOptions & { read?: StrictJsonError['read'] }) {
    super(message, options)
    this.read = options?.read
  }
}

const maxDepth = 64

/**
 * Parses JSON as RFC 7493 (I-JSON) wants it: what one parser read and approved must be what every other parser will run (I3).
 * So duplicate member names, integers that a double would change, lone surrogates and deep nesting are refused.
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
  new Scanner(text, value).scan()
  return value
}

/** Walks over text that `JSON.parse` has accepted, looking only for what I-JSON forbids. */
class Scanner {
  readonly #text: string
  readonly #read: unknown
  /** The members that lead to where it is. */
  readonly #path: string[] = []
  #at = 0

  /** @param read what `JSON.parse` has read */
  constructor(text: string, read: unknown) {
    this.#text = text
    this.#read = read
  }

  scan(): void {
    this.#value(0)
  }

  #value(depth: number): void {
    this.#space()
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x7b: // {
        if (depth >= maxDepth) throw this.#tooDeep()
        return this.#object(depth)
      case 0x5b: // [
        if (depth >= maxDepth) throw this.#tooDeep()
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
      this.#path.push(name)
      if (seen.has(name))
        throw this.#refusal(`the member ${JSON.stringify(name)} appears twice in one object; send it once`)
      seen.add(name)
      this.#space()
      this.#at += 1 // :
      this.#value(depth + 1)
      this.#path.pop()
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
    if (!value.isWellFormed()) throw this.#refusal('a string holds half of a surrogate pair; send valid Unicode')
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
    if (isChanged(literal))
      throw this.#refusal(`the number ${literal.slice(0, 40)} cannot be held exactly; send it as a string`)
  }

  #tooDeep(): StrictJsonError {
    return this.#refusal(`the JSON is nested more than ${maxDepth} deep; send a flatter value`)
  }

  #refusal(reason: string): StrictJsonError {
    return new StrictJsonError(reason, { read: { value: this.#read, path: [...this.#path] } })
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at += 1
    }
  }
}

/**
 * True for a number that comes out as another one when it is held as a double and written again. A fraction or an exponent says
 * that a double is meant, so only what is written as an integer there, or will be, is compared.
 */
function isChanged(literal: string): boolean {
  const value = Number(literal)
  if (!Number.isFinite(value)) return true
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return false
  const written = String(value)
  if (/^-?\d+$/.test(literal)) return written !== literal
  return !written.includes('e') && BigInt(written) !== BigInt(value)
}

function isNumberPart(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) || code === 0x2e || code === 0x2d || code === 0x2b || code === 0x65 || code === 0x45
  )
}
