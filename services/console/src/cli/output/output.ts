import type { WriteStream } from 'node:tty'
import { printable, widthOf } from './printable.ts'
import { type Cell, type Column, type Paint, type Style, table } from './table.ts'

/** Where output goes: a terminal, or a pipe or file. */
export type Sink = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>

const codes: Record<Style, number> = { good: 32, bad: 31, warn: 33, faint: 2, strong: 1 }

/** Back to the beginning of the line, and nothing on it. */
export const clearLine = '\r\u001B[K'

/**
 * Writes for people or for programs. All text for people passes here, so that nothing an agent or tool server wrote reaches
 * the terminal unseen.
 */
export class Output {
  readonly #sink: Sink
  readonly #paint: Paint
  #progressing = false
  /** Programs read: only `json` writes. */
  readonly forPrograms: boolean

  constructor(sink: Sink, options: { json: boolean; noColor: boolean }) {
    this.#sink = sink
    this.forPrograms = options.json
    const colours = sink.isTTY === true && !options.noColor
    this.#paint = (text, style) => (colours && text !== '' ? `\u001B[${codes[style]}m${text}\u001B[0m` : text)
  }

  /** One value for programs, on one line. */
  json(value: unknown): void {
    this.#sink.write(`${JSON.stringify(value)}\n`)
  }

  /** One line for people, from parts. */
  line(...parts: Cell[]): void {
    if (this.forPrograms) return
    if (this.#progressing) this.#sink.write(clearLine)
    this.#progressing = false
    this.#sink.write(`${parts.map((part) => this.#show(part)).join('')}\n`)
  }

  /** How far something is, on a line that the next output takes the place of; on a terminal only. */
  progress(text: string): void {
    if (this.forPrograms || this.#sink.isTTY !== true) return
    this.#sink.write(`${clearLine}${this.#show(text)}`)
    this.#progressing = true
  }

  table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): void {
    if (this.forPrograms) return
    const width = this.#sink.isTTY ? this.#sink.columns : undefined
    for (const line of table(columns, rows, this.#paint, width)) this.#sink.write(`${line}\n`)
  }

  /** Names and values, one a line, values aligned. A value of several parts is written as they follow each other. */
  fields(rows: readonly (readonly [name: string, ...value: Cell[]])[]): void {
    const width = Math.max(...rows.map(([name]) => widthOf(name)))
    for (const [name, ...value] of rows) {
      const padding = ' '.repeat(width - widthOf(name) + 2)
      this.line('  ', { text: name, style: 'faint' }, padding, ...value)
    }
  }

  /** JSON content for people, indented. */
  content(value: unknown, indent: string): void {
    for (const text of JSON.stringify(value, undefined, 2).split('\n')) this.line(indent, text)
  }

  #show(part: Cell): string {
    return typeof part === 'string' ? printable(part) : this.#paint(printable(part.text), part.style)
  }
}
