/** One server-sent event. */
export interface ServerSentEvent {
  event: string
  id: string | undefined
  data: string
}

/** Reads server-sent events (WHATWG HTML, section 9.2.6) from a response body; comments are left out. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop()!
    for (const block of blocks) {
      const event = parseBlock(block)
      if (event) yield event
    }
  }
}

function parseBlock(block: string): ServerSentEvent | undefined {
  const fields = block.split('\n').flatMap((line) => {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? []
    return name === undefined ? [] : [[name, value ?? ''] as const]
  })
  const all = (name: string) => fields.filter(([key]) => key === name).map(([, value]) => value)
  const data = all('data')
  return data.length === 0
    ? undefined
    : { event: all('event').at(-1) ?? 'message', id: all('id').at(-1), data: data.join('\n') }
}
