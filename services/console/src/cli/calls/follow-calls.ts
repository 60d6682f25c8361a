import type { CallNews } from '../../api/call-answer.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import type { Client } from '../connect/client.ts'
import type { Invocation } from '../command.ts'
import type { Output } from '../output/output.ts'
import { readEvents } from '../connect/read-events.ts'
import { stateCell } from '../output/state-cell.ts'
import { clock } from '../output/times.ts'

const retryMs = 1000
const filters = ['server', 'tool', 'principal'] as const

/** Shows the live feed until interrupted; goes on after the last event it has when the connection breaks. */
export async function followCalls({ out, client, option }: Invocation): Promise<Exit> {
  const console = await client('operator')
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())
  const state = option('state')
  let last: string | undefined
  for (let connected = false; ;) {
    try {
      for await (const { id, news } of feed(console, interrupted.signal, last)) {
        connected = true
        last = id ?? last
        if (!news || (state !== undefined && state !== news.event)) continue
        if (filters.every((name) => (option(name) ?? news[name]) === news[name])) show(out, news, id)
      }
    } catch (error) {
      if (!interrupted.signal.aborted && !mayPass(error, connected)) throw error
    }
    if (interrupted.signal.aborted) return exits.ok
    await new Promise((resolve) => setTimeout(resolve, retryMs))
  }
}

/** The feed of one connection; begins with an item without news once it is open. */
async function* feed(
  client: Client,
  signal: AbortSignal,
  last: string | undefined,
): AsyncGenerator<{ id?: string | undefined; news?: CallNews }> {
  const headers: Record<string, string> = last === undefined ? {} : { 'last-event-id': last }
  const response = await client.request('/calls/events', { signal, headers })
  yield {}
  for await (const { event, id, data } of readEvents(response.body!)) {
    if (event === 'call') yield { id, news: JSON.parse(data) as CallNews }
  }
}

/** Before the first connection a failure is the answer; after it, the console may just be starting again. */
function mayPass(error: unknown, connected: boolean): boolean {
  if (!connected) return false
  return !(error instanceof CliError) || (error.exit === exits.unreachable && error.code !== 'unauthenticated')
}

function show(out: Output, news: CallNews, id: string | undefined): void {
  const { time, callId, event, server, tool, principal, code } = news
  if (out.forPrograms) out.json({ seq: Number(id), ...news })
  const { text, style } = stateCell(event)
  const what = [`${server}: ${tool}`, principal, ...(code ? [code] : [])].join('  ')
  out.line({ text: clock(time), style: 'faint' }, '  ', callId, '  ', { text: text.padEnd(10), style }, '  ', what)
}
