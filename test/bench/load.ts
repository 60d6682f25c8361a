/**
 * The load generator, a process of its own: reads one job as JSON from its parent, prints the outcome as a line of JSON.
 *
 * Open loop: calls start by a fixed schedule, whether or not earlier ones have ended, and each latency counts from the moment the
 * call was due, so that a stall is charged to every call it delayed (coordinated omission). Closed loop (`ratePerSecond` 0): a
 * fixed number of callers, each starting its next call when its last one ends; its latencies leave out the waiting.
 */
import { Agent } from 'undici'
import { openSession } from './open-session.ts'

export interface LoadJob {
  url: string
  /** Further addresses of the same; calls go to all of them in turn. Not with sessions. */
  moreUrls?: string[]
  headers: Record<string, string>
  tools: string[]
  /** What the tools answer: the text, its length, or that the call waits for a person. */
  answer?: 'text' | 'length' | 'pending'
  /** Each caller opens an MCP session first, over a connection of its own, and calls within it; left out, calls come without one. */
  sessions?: boolean
  /** Length of the argument, in characters; left out, a few. */
  argumentLength?: number
  /** 0: closed loop. */
  ratePerSecond: number
  /** Calls in flight at most. */
  concurrency: number
  seconds: number
  warmupSeconds: number
  /** A caller that waits longer gives up; that is a failed call. */
  callTimeoutMs?: number
  /** Ends earlier, after so many calls. */
  maxCalls?: number
}

export interface LoadOutcome {
  calls: number
  failed: number
  firstFailure: string | undefined
  callsPerSecond: number
  p50Ms: number
  p90Ms: number
  p99Ms: number
  p999Ms: number
  maxMs: number
}

async function load(job: LoadJob): Promise<LoadOutcome> {
  const urls = [job.url, ...(job.moreUrls ?? [])].map((each) => new URL(each))
  const [url] = urls as [URL]
  const agent = new Agent({ connections: job.concurrency, pipelining: 1 })
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...job.headers,
  }
  const sessions = await Promise.all(
    Array.from({ length: job.sessions ? job.concurrency : 0 }, () => openSession(url, headers)),
  )
  const latencies: number[] = []
  let failed = 0
  let firstFailure: string | undefined
  let started = 0
  const begin = performance.now() + 50
  const measureFrom = begin + job.warmupSeconds * 1000
  const end = measureFrom + job.seconds * 1000
  let lastEnd = 0

  const call = async (dueAt: number) => {
    const id = ++started
    const argument = `call ${id}`.padEnd(job.argumentLength ?? 0, '.')
    const params = { name: job.tools[id % job.tools.length], arguments: { text: argument } }
    const expected = { text: `"${argument}"`, length: `"${argument.length}"`, pending: '"pending"' }[
      job.answer ?? 'text'
    ]
    const { origin, pathname } = urls[id % urls.length]!
    // As many as there may be calls in flight: one session never has two.
    const session = sessions.pop()
    let problem: string | undefined
    try {
      const { statusCode, body } = await (session?.client ?? agent).request({
        origin,
        path: pathname,
        method: 'POST',
        ...(job.callTimeoutMs === undefined ? {} : { signal: AbortSignal.timeout(job.callTimeoutMs) }),
        headers: { ...headers, ...session?.headers },
        body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }),
      })
      const text = await body.text()
      // Every answer is checked: a fast wrong answer is a failure.
      if (statusCode !== 200 || !text.includes(expected)) problem = `HTTP ${statusCode}: ${text.slice(0, 300)}`
    } catch (error) {
      problem = (error as Error).message
    }
    if (session) sessions.push(session)
    if (dueAt < measureFrom) return
    lastEnd = performance.now()
    if (problem !== undefined) {
      failed += 1
      firstFailure ??= problem
    }
    latencies.push(lastEnd - dueAt)
  }

  const more = () => performance.now() < end && started < (job.maxCalls ?? Infinity)
  await (job.ratePerSecond === 0 ? closedLoop(job.concurrency, begin, more, call) : openLoop(job, begin, end, call))
  await Promise.all([agent, ...sessions.map(({ client }) => client)].map((each) => each.close()))
  latencies.sort((a, b) => a - b)
  const at = (share: number) =>
    Math.round((latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0) * 1000) / 1000
  return {
    calls: latencies.length,
    failed,
    firstFailure,
    callsPerSecond: Math.round(latencies.length / ((lastEnd - measureFrom) / 1000)),
    p50Ms: at(0.5),
    p90Ms: at(0.9),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
    maxMs: at(1),
  }
}

async function closedLoop(
  concurrency: number,
  begin: number,
  more: () => boolean,
  call: (dueAt: number) => Promise<void>,
): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, begin - performance.now()))
  const caller = async () => {
    while (more()) await call(performance.now())
  }
  await Promise.all(Array.from({ length: concurrency }, caller))
}

/** Starts calls by the schedule; what finds no free place waits in line, and its waiting counts. */
async function openLoop(
  job: LoadJob,
  begin: number,
  end: number,
  call: (dueAt: number) => Promise<void>,
): Promise<void> {
  const gapMs = 1000 / job.ratePerSecond
  let due = begin
  let inFlight = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const pump = () => {
    const now = performance.now()
    while (due <= now && due < end && inFlight < job.concurrency) {
      inFlight += 1
      void call(due).finally(() => {
        inFlight -= 1
        pump()
      })
      due += gapMs
    }
    if (due >= end && inFlight === 0) resolve()
  }
  // Timers are coarse (1 ms); due times are not, so a call that starts late is charged for it.
  const timer = setInterval(pump, 1)
  await promise
  clearInterval(timer)
}

process.once('message', (job: LoadJob) => {
  void load(job).then((outcome) => process.send!(outcome, undefined, undefined, () => process.exit(0)))
})
