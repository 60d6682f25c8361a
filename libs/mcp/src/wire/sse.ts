/** One server-sent event. */
export interface SseEvent {
  event?: string
  id?: string
  data: string
}

/** Reads server-sent events (WHATWG HTML, section 9.2) from text that arrives in pieces, each character of which is looked at once. */
export class SseReader {
  /** The line that is not complete yet; it is searched no more. */
  #rest = ''
  #afterReturn = false
  #event: string | undefined
  #id: string | undefined
  #data: string[] = []
  #dataLength = 0

  /** Characters of the event that is not complete yet. */
  get pending(): number {
    return this.#dataLength + this.#rest.length
  }

  /** Data of the event that is not complete yet, as far as it came. */
  get unfinished(): string {
    return [...this.#data, this.#rest.replace(/^data: ?/, '')].join('\n')
  }

  /** Takes a piece of the stream; returns the events that it completed. */
  push(piece: string): SseEvent[] {
    const events: SseEvent[] = []
    if (piece === '') return events
    // The other half of a line end that two pieces share.
    let start = this.#afterReturn && piece.startsWith('\n') ? 1 : 0
    this.#afterReturn = piece.endsWith('\r')
    const lineEnd = /\r\n?|\n/g
    lineEnd.lastIndex = start
    for (let match = lineEnd.exec(piece); match; match = lineEnd.exec(piece)) {
      const line = this.#rest + piece.slice(start, match.index)
      this.#rest = ''
      start = lineEnd.lastIndex
      if (line !== '') this.#field(line)
      else this.#dispatch(events)
    }
    this.#rest += piece.slice(start)
    return events
  }

  #dispatch(events: SseEvent[]): void {
    if (this.#data.length > 0) {
      events.push({
        data: this.#data.join('\n'),
        ...(this.#event === undefined ? {} : { event: this.#event }),
        ...(this.#id === undefined ? {} : { id: this.#id }),
      })
    }
    this.#event = undefined
    this.#data = []
    this.#dataLength = 0
  }

  #field(line: string): void {
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (name === 'data') {
      this.#data.push(value)
      // With its line end: empty lines take room, too.
      this.#dataLength += value.length + 1
    } else if (name === 'event') this.#event = value
    else if (name === 'id') this.#id = value
  }
}

/** Writes one server-sent event. */
export function formatSse({ event, id, data }: SseEvent): string {
  const head = `${event === undefined ? '' : `event: ${event}\n`}${id === undefined ? '' : `id: ${id}\n`}`
  return `${head}data: ${data.replaceAll('\n', '\ndata: ')}\n\n`
}
