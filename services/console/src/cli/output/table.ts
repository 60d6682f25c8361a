import { fit, printable, widthOf } from './printable.ts'

export type Style = 'good' | 'bad' | 'warn' | 'faint' | 'strong'

/** A text with the way it is shown; colours never come from the text itself. */
export interface Styled {
  text: string
  style: Style
}
export type Cell = string | Styled

/** A column: its heading, and whether it gives way when the terminal is narrow. */
export interface Column {
  head: string
  align?: 'right'
  shrinks?: true
  /** Wider cells are cut, also where there is no terminal. */
  most?: number
}

/** Names that others gave may be long, and a table is to be of use in 100 columns. */
export const nameWidth = 40

/** A column of such names. */
export function nameColumn(head: string): Column {
  return { head, shrinks: true, most: nameWidth }
}

/** How texts are painted; for a terminal without colours it returns them as they are. */
export type Paint = (text: string, style: Style) => string

const gap = 2
const leastWidth = 8

/**
 * Lays out rows under their headings. Columns that may shrink share what is missing in `width`; the others are never cut.
 *
 * @param width columns of the terminal; undefined for no limit
 * @returns lines without trailing spaces
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  paint: Paint,
  width?: number,
): string[] {
  const cells = rows.map((row) =>
    row.map((cell) => (typeof cell === 'string' ? printable(cell) : { ...cell, text: printable(cell.text) })),
  )
  const widths = columns.map(({ head, most = Infinity }, place) =>
    Math.max(widthOf(head), Math.min(most, Math.max(0, ...cells.map((row) => widthOf(textOf(row[place] ?? '')))))),
  )
  if (width !== undefined) shrink(columns, widths, width)
  const line = (row: readonly Cell[]) =>
    columns
      .map(({ align }, place) => {
        const cell = row[place] ?? ''
        const text = fit(textOf(cell), widths[place]!)
        const padding = ' '.repeat(Math.max(0, widths[place]! - widthOf(text)))
        const painted = typeof cell === 'string' ? text : paint(text, cell.style)
        return align === 'right' ? padding + painted : painted + padding
      })
      .join(' '.repeat(gap))
      .trimEnd()
  return [line(columns.map(({ head }) => ({ text: head, style: 'faint' }))), ...cells.map(line)]
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text
}

/** Takes what is missing from the widest column that may shrink, again and again. */
function shrink(columns: readonly Column[], widths: number[], width: number): void {
  let missing = widths.reduce((sum, each) => sum + each, gap * (columns.length - 1)) - width
  while (missing > 0) {
    const candidates = columns.flatMap(({ shrinks }, place) => (shrinks && widths[place]! > leastWidth ? [place] : []))
    if (candidates.length === 0) return
    const widest = candidates.reduce((a, b) => (widths[b]! > widths[a]! ? b : a))
    widths[widest]! -= 1
    missing -= 1
  }
}
