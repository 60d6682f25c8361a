import { stat } from 'node:fs/promises'
import type { CallView, PoliciesView } from '@countersign/contracts'
import type { StatusAnswer } from '../api/gather-status.ts'
import type { ServerItem } from '../api/server-answer.ts'
import { CliError } from './cli-error.ts'
import type { Client } from './client.ts'
import type { Invocation } from './command.ts'
import { findLocalInfo } from './find-console.ts'
import { count } from './times.ts'
import { mentionIt, unmentioned } from './unmentioned.ts'

/** One thing that was looked at. */
export interface Finding {
  name: string
  /** `warn` needs a look, `bad` is in the way. */
  verdict: 'good' | 'warn' | 'bad'
  message: string
  /** What to do about it. */
  remedy?: string
}

const maxClockSkewMs = 5000

const good = (name: string, message: string): Finding => ({ name, verdict: 'good', message })
const warn = (name: string, message: string, remedy: string): Finding => ({ name, verdict: 'warn', message, remedy })
const bad = (name: string, message: string, remedy: string): Finding => ({ name, verdict: 'bad', message, remedy })

/** Looks at everything that has to be right, from the outside in; what cannot be reached ends the examination. */
export async function* examine({ client, where }: Invocation): AsyncGenerator<Finding> {
  const { environment, state, as, cwd } = where
  if (state === undefined && as === undefined && environment.consoleUrl && environment.token) {
    yield good('settings', 'COUNTERSIGN_CONSOLE_URL and COUNTERSIGN_TOKEN are set')
  } else {
    try {
      const { path, info } = await findLocalInfo({ state, cwd })
      yield await fileMode(path)
      yield await gatewayFinding(info.gateway)
    } catch (error) {
      yield finding('local.json', error)
      return
    }
  }
  const console = await client('operator')
  let status: StatusAnswer
  try {
    const before = Date.now()
    status = await console.get<StatusAnswer>('/status')
    yield good('console', `answers at ${console.target.url} and accepts the token`)
    yield clockFinding(Date.parse(status.now), before, Date.now())
  } catch (error) {
    yield finding('console', error)
    return
  }
  yield status.bus.connected
    ? good('bus', 'connected')
    : bad('bus', 'the console has lost nats-server', 'look at its log; without it nothing is taken or run')
  for (const { name, answers, message } of status.services) {
    yield answers
      ? good(name, 'answers')
      : bad(name, message ?? 'does not answer', `start Countersign again, or look at the log of ${name}`)
  }
  yield* serverFindings(console)
  yield* policyFindings(console)
  yield auditFinding(status)
  yield* unknownFindings(console)
}

async function fileMode(path: string): Promise<Finding> {
  const mode = (await stat(path)).mode & 0o777
  if ((mode & 0o077) === 0) return good('local.json', `${path}, for your eyes only`)
  return bad(
    'local.json',
    `${path} holds tokens and has mode ${mode.toString(8)}, so others may read it`,
    `chmod 600 ${path}`,
  )
}

/** Whether agents can reach the gateway; it is not on the bus, so the console does not know. */
export async function gatewayFinding(url: string): Promise<Finding> {
  try {
    // Any answer will do: without a token it is a refusal.
    const response = await fetch(url, { signal: AbortSignal.timeout(5000), redirect: 'manual' })
    await response.body?.cancel()
    return good('gateway', `answers at ${url}`)
  } catch {
    return bad(
      'gateway',
      `cannot be reached at ${url}, so no agent can call anything`,
      'is Countersign running? Start it with: npm start',
    )
  }
}

function clockFinding(theirs: number, before: number, after: number): Finding {
  const skew = theirs < before ? before - theirs : Math.max(0, theirs - after)
  if (skew <= maxClockSkewMs) return good('clock', 'this machine and the console agree')
  return bad(
    'clock',
    `this machine and the console are ${Math.round(skew / 1000)} s apart, so approvals expire early or late`,
    'set both clocks by NTP',
  )
}

async function* serverFindings(console: Client): AsyncGenerator<Finding> {
  const { servers } = await console.get<{ servers: ServerItem[] }>('/servers')
  if (servers.length === 0)
    yield warn('servers', 'there is no tool server', 'put a document into .countersign/servers/')
  for (const { name, conditions, quarantinedCount, toolCount, ready, policies } of servers) {
    for (const { type, reason, message } of conditions.filter(({ status }) => status !== 'True')) {
      yield bad(
        name,
        `is not ${type.toLowerCase()} (${reason}): ${message}`,
        `countersign servers ${name}, and the log of lifecycle`,
      )
    }
    if (quarantinedCount > 0) {
      yield warn(
        name,
        `${quarantinedCount} of its tools changed or cannot be used, and nobody can call them`,
        `see what changed: countersign servers ${name}; then accept it, or ask its maker`,
      )
    } else if (ready && policies?.length !== 0) yield good(name, `ready, ${count(toolCount, 'tool')}`)
    if (ready && policies?.length === 0) yield warn(name, `ready, but ${unmentioned}`, mentionIt(name))
  }
}

async function* policyFindings(console: Client): AsyncGenerator<Finding> {
  let view: PoliciesView
  try {
    view = await console.get<PoliciesView>('/policies')
  } catch (error) {
    yield finding('policies', error)
    return
  }
  if (view.revision === null)
    yield bad(
      'policies',
      'none are in force, so every call is denied',
      'put a valid document into .countersign/policies/',
    )
  else yield good('policies', `${view.policies.length} in force`)
  for (const { file, line, column, message } of view.problems) {
    yield bad(
      'policies',
      `${file}:${line}:${column}: ${message}`,
      'correct it: until then the last good set stays in force',
    )
  }
}

function auditFinding({ audit }: StatusAnswer): Finding {
  if (!audit) return bad('audit log', 'how far it is cannot be told', 'look at the log of audit')
  const { size, lag } = audit
  if (lag === undefined)
    return warn('audit log', `${count(size, 'record')}; how far it is behind is not known`, 'look at the log of audit')
  return lag < 1000
    ? good('audit log', `${count(size, 'record')}, ${count(lag, 'event')} to go`)
    : warn(
        'audit log',
        `${lag} events are not sealed yet`,
        'if that number does not fall, look at the log and the disk of audit',
      )
}

async function* unknownFindings(console: Client): AsyncGenerator<Finding> {
  try {
    const { calls } = await console.get<{ calls: CallView[] }>('/calls', { state: 'unknown', limit: 20 })
    if (calls.length === 0) yield good('unknown calls', 'none')
    for (const { callId, server, tool } of calls) {
      yield warn(
        'unknown calls',
        `${callId} (${server}: ${tool}) may or may not have run`,
        `find out, then: countersign resolve ${callId} --outcome ran|did_not_run --evidence TEXT`,
      )
    }
  } catch (error) {
    yield finding('unknown calls', error)
  }
}

function finding(name: string, error: unknown): Finding {
  if (!(error instanceof CliError)) throw error
  return bad(name, error.message, error.next ?? 'look at the log of the console')
}
