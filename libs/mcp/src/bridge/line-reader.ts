const newline = 0x0a

/**
 * Cuts a stream of bytes into lines (UTF-8, ended by a newline), none longer than a bound. A line over it ends reading, or, where the
 * reader is one of logs, is left out whole: half of it could be half of a secret, which nobody would know for one (I9).
 */
export class LineReader {
  readonly #maxBytes: number
  readonly #leavesOut: boolean
  #leavingOut = false
  readonly #decoder = new TextDecoder()
  #pieces: Buffer[] = []
  #bytes = 0
  /** Set once a line was over the bound of a reader that does not leave any out; nothing is read from then on. */
  overflow = false

  constructor(maxBytes: number, { leavesOut = false } = {}) {
    this.#maxBytes = maxBytes
    this.#leavesOut = leavesOut
  }

  /** Takes the next bytes; returns the lines that they completed, without their ends. */
  push(chunk: Buffer): string[] {
    const lines: string[] = []
    let from = 0
    while (!this.overflow) {
      const end = chunk.indexOf(newline, from)
      const piece = chunk.subarray(from, end < 0 ? undefined : end)
      this.#bytes += piece.length
      if (this.#bytes > this.#maxBytes) {
        this.#pieces = []
        this.#leavingOut = this.#leavesOut
        this.overflow = !this.#leavesOut
        if (this.overflow) break
      } else this.#pieces.push(piece)
      if (end < 0) break
      if (this.#leavingOut) lines.push(`(a line of more than ${this.#maxBytes} bytes was left out)`)
      const line = this.flush()
      if (!this.#leavingOut) lines.push(line)
      this.#leavingOut = false
      from = end + 1
    }
    return lines
  }

  /** What came after the last newline. */
  flush(): string {
    const line = this.#decoder.decode(this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces))
    this.#pieces = []
    this.#bytes = 0
    return line.endsWith('\r') ? line.slice(0, -1) : line
  }
}
