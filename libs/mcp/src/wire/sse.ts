/** One server-sent event. */
export interface SseEvent {
  event?: string
  id?: string
  data: string
}

/** Reads server-sent events (WHATWG HTML, section 9.2) from text that arrives in pieces. */
export class SseReader {
  #rest = ''
  #event: string | undefined
  #id: string | undefined
  #data: string[] = []

  /** Characters of the event that is not complete yet. */
  get pending(): number {
    return this.#data.reduce((sum, line) => sum + line.length, this.#rest.length)
  }

  /** Data of the event that is not complete yet, as far as it came. */
  get unfinished(): string {
    return [...this.#data, this.#rest.replace(/^data: ?/, '')].join('\n')
  }

  /** Takes a piece of the stream; returns the events that it completed. */
  push(piece: string): SseEvent[] {
    const events: SseEvent[] = []
    this.#rest += piece
    for (;;) {
      const match = /\r\n|\n|\r(?!$)/.exec(this.#rest)
      if (!match) return events
      const line = this.#rest.slice(0, match.index)
      this.#rest = this.#rest.slice(match.index + match[0].length)
      if (line === '') {
        if (this.#data.length > 0) {
          events.push({
            data: this.#data.join('\n'),
            ...(this.#event === undefined ? {} : { event: this.#event }),
            ...(this.#id === undefined ? {} : { id: this.#id }),
          })
        }
        this.#event = undefined
        this.#data = []
      } else this.#field(line)
    }
  }

  #field(line: string): void {
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') this.#data.push(value)
    else if (name === 'event') this.#event = value
    else if (name === 'id') this.#id = value
  }
}

/** Writes one server-sent event. */
export function formatSse({ event, id, data }: SseEvent): string {
  const head = `${event === undefined ? '' : `event: ${event}\n`}${id === undefined ? '' : `id: ${id}\n`}`
  return `${head}data: ${data.replaceAll('\n', '\ndata: ')}\n\n`
}
