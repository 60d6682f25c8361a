const newline = 0x0a

/** Cuts a stream of bytes into lines (UTF-8, ended by a newline), none longer than a bound. */
export class LineReader {
  readonly #maxBytes: number
  readonly #decoder = new TextDecoder()
  #pieces: Buffer[] = []
  #bytes = 0
  /** Set once a line was over the bound; nothing is read from then on. */
  overflow = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
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
        this.overflow = true
        this.#pieces = []
        break
      }
      this.#pieces.push(piece)
      if (end < 0) break
      lines.push(this.flush())
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
