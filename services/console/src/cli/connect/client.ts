import type { ErrorAnswer } from '../../api/answer-error.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import type { Target } from './find-console.ts'
import type { Places } from './places.ts'

const timeoutMs = 30_000

type Query = Record<string, string | number | undefined>
type Init = Pick<RequestInit, 'method' | 'body' | 'signal'> & { headers?: Record<string, string> }

/** Speaks to the console's API as one identity. */
export class Client {
  readonly target: Target

  constructor(target: Target) {
    this.target = target
  }

  /** @param signal gives it up @throws CliError in words for whatever went wrong */
  async get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
    const search = new URLSearchParams()
    for (const [key, value] of Object.entries(query)) if (value !== undefined) search.set(key, String(value))
    const timeout = AbortSignal.timeout(timeoutMs)
    return this.#answer(`${path}${search.size > 0 ? `?${search.toString()}` : ''}`, {
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    })
  }

  /** @throws CliError in words for whatever went wrong */
  async post<T>(path: string, body: unknown): Promise<T> {
    return this.#answer(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(timeoutMs),
    })
  }

  /** One request; resolves to a successful answer. */
  async request(path: string, init: Init): Promise<Response> {
    const { url, token, places } = this.target
    let response: Response
    try {
      const headers = { ...init.headers, authorization: `Bearer ${token}` }
      response = await fetch(`${url}/api/v1${path}`, { ...init, headers, redirect: 'error' })
    } catch (error) {
      throw unreachable(url, places, error)
    }
    if (!response.ok) throw await refusal(response, this.target, path)
    return response
  }

  /** A successful answer, read to its end. */
  async #answer<T>(path: string, init: Init): Promise<T> {
    const { url, places } = this.target
    const response = await this.request(path, init)
    try {
      return (await response.json()) as T
    } catch (error) {
      throw error instanceof SyntaxError ? noConsole(url, response) : unreachable(url, places, error)
    }
  }
}

function unreachable(url: string, { start, logOf }: Places, error: unknown): CliError {
  const { name, cause } = error as Error & { cause?: { code?: string } }
  if (name === 'TimeoutError') {
    return new CliError(exits.unreachable, `the console at ${url} did not answer within ${timeoutMs / 1000} s`, {
      next: `look at ${logOf('console')}`,
    })
  }
  return new CliError(
    exits.unreachable,
    `the console at ${url} cannot be reached${cause?.code ? ` (${cause.code})` : ''}`,
    {
      next: `is Countersign running? Start it with: ${start}`,
    },
  )
}

function noConsole(url: string, { status }: Response): CliError {
  return new CliError(exits.unreachable, `what answers at ${url} is not a Countersign console (HTTP ${status})`, {
    next: 'check the address, and what else listens there',
  })
}

async function refusal(response: Response, target: Target, path: string): Promise<CliError> {
  const { url } = target
  const answer = (await response.json().catch(() => undefined)) as Partial<ErrorAnswer> | undefined
  const { code, message } = answer?.error ?? {}
  if (code === undefined || message === undefined) {
    return noConsole(url, response)
  }
  return new CliError(exitOf(response.status), inWordsOfTheCommand(answer!.error!) ?? message, {
    code,
    next: nextOf(code, target, path),
  })
}

/** What does not fit a query came from an option, and is told by its name. */
function inWordsOfTheCommand({ code, details }: Partial<ErrorAnswer['error']>): string | undefined {
  const { in: part, problems } = (details ?? {}) as { in?: string; problems?: { path: string; message: string }[] }
  if (code !== 'invalid_params' || part === undefined || !Array.isArray(problems)) return undefined
  const option = part === 'query' ? '--' : ''
  return problems.map(({ path, message }) => `${option}${path} ${message}`).join('; ')
}

function exitOf(status: number): Exit {
  if (status === 401 || status === 503) return exits.unreachable
  if (status === 404) return exits.notFound
  return status === 400 || status === 413 ? exits.usage : exits.negative
}

/** What lists those there are, by where there is no such thing. */
const lists: readonly (readonly [path: string, next: string])[] = [
  ['/servers', 'list tool servers with: countersign servers'],
  ['/audit/exports', 'list exports with: countersign audit exports'],
  ['/audit/holds', 'list legal holds with: countersign audit hold list'],
]

function nextOf(code: string, { identity, places }: Target, path: string): string | undefined {
  switch (code) {
    case 'unauthenticated':
      return identity
        ? `the tokens in local.json are not those of this console: stop Countersign and start it again with: ${places.start}`
        : 'set COUNTERSIGN_TOKEN to a token that is good'
    case 'already_voted':
    case 'not_an_approver':
    case 'requester_may_not_vote':
      return identity ? `you are ${identity} here; choose who votes with --as approver or --as approver2` : undefined
    case 'forbidden':
      return identity ? 'ask as somebody who may: --as operator' : undefined
    case 'unknown_call':
      return 'list calls with: countersign calls'
    case 'not_unknown':
      return 'list those with: countersign calls --state unknown'
    case 'unknown_approval':
      return 'list what waits with: countersign approvals'
    case 'unknown_tool':
      return 'list tool servers with: countersign servers'
    case 'not_found':
      return lists.find(([part]) => path.startsWith(part))?.[1]
    case 'legal_hold':
      return 'list legal holds with: countersign audit hold list'
    case 'service_unavailable':
    case 'store_unavailable':
    case 'internal':
      return 'find out what is wrong with: countersign doctor'
    default:
      return undefined
  }
}
