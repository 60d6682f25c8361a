import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { CallView, PoliciesView } from '@countersign/contracts'
import type { StatusAnswer } from '../api/gather-status.ts'
import type { ServerItem } from '../api/server-answer.ts'
import { CliError } from './cli-error.ts'
import type { Client } from './client.ts'
import type { Invocation } from './command.ts'
import { contentFindings } from './content-findings.ts'
import { diskFinding } from './disk-finding.ts'
import { exportFindings } from './export-findings.ts'
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
/** Refused grants older than this say nothing about now. */
const refusedWithinMs = 15 * 60_000

const good = (name: string, message: string): Finding => ({ name, verdict: 'good', message })
const warn = (name: string, message: string, remedy: string): Finding => ({ name, verdict: 'warn', message, remedy })
const bad = (name: string, message: string, remedy: string): Finding => ({ name, verdict: 'bad', message, remedy })

/** Looks at everything that has to be right, from the outside in; what cannot be reached ends the examination. */
export async function* examine({ client, where, nowMs }: Invocation): AsyncGenerator<Finding> {
  const { environment, state, as, cwd } = where
  if (state === undefined && as === undefined && environment.consoleUrl && environment.token) {
    yield good('settings', 'COUNTERSIGN_CONSOLE_URL and COUNTERSIGN_TOKEN are set')
  } else {
    try {
      const { path, info } = await findLocalInfo({ state, cwd })
      yield await fileMode(path)
      yield await diskFinding(dirname(path))
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
  yield* busFindings(status)
  yield* tokenFindings(status)
  for (const { what, problem, remedy } of status.users?.faults ?? []) yield bad('users', `${what}: ${problem}`, remedy)
  for (const { name, answers, message } of status.services) {
    yield answers ? good(name, 'answers') : silentFinding(name, message)
  }
  yield* serverFindings(console)
  yield* policyFindings(console)
  yield* newCallFindings(status)
  yield auditFinding(status)
  yield* witnessFindings(status)
  yield* contentFindings(console, status)
  yield* exportFindings(console, nowMs)
  yield* unknownFindings(console)
  yield* grantFindings(console)
}

/** Tokens end by themselves; keys of grants do not, but the executors may not know the one that policy signs with. */
function* tokenFindings({ users, now }: StatusAnswer): Generator<Finding> {
  for (const { id, expiresAt } of users?.expiring ?? []) {
    const over = Date.parse(expiresAt) <= Date.parse(now)
    yield warn(
      'users',
      `the token of ${id} ${over ? `ended at ${expiresAt}, so it is refused` : `ends at ${expiresAt}, and is refused then`}`,
      'give out a new one, or take the user out of the list of users',
    )
  }
}

/** Grants that executors refused lately: their keys, or clocks, do not match policy's. */
async function* grantFindings(console: Client): AsyncGenerator<Finding> {
  const since = new Date(Date.now() - refusedWithinMs).toISOString()
  try {
    const { calls } = await console.get<{ calls: CallView[] }>('/calls', { state: 'failed', since, limit: 100 })
    const refused = calls.filter(({ code }) => code === 'grant_invalid')
    if (refused.length === 0) return
    yield bad(
      'grant keys',
      `${count(refused.length, 'call')} of the last 15 minutes failed because an executor refused the grant (${refused[0]!.callId}), so calls may not run`,
      `see why: countersign call ${refused[0]!.callId}   If no known key verifies it, add the public key of COUNTERSIGN_GRANT_KEY_FILE to COUNTERSIGN_GRANT_PUBLIC_KEYS_FILE of the executors; on one machine: npm run rotate-keys`,
    )
  } catch (error) {
    // Told already, of the calls whose outcome is unknown.
    if (!(error instanceof CliError)) throw error
  }
}

function* busFindings({ bus: { connected, faults } }: StatusAnswer): Generator<Finding> {
  if (!connected) {
    yield bad(
      'bus',
      'the console has lost nats-server, so no call is taken, decided or run',
      `look at ${logOf('nats-server')}`,
    )
  } else if (!faults) yield warn('bus', 'connected, but how it is set up could not be seen', 'ask again in a moment')
  else if (faults.length === 0) yield good('bus', 'connected; server, streams and consumers are as they must be')
  for (const { what, problem, remedy } of faults ?? []) yield bad('bus', `${what}: ${problem}`, remedy)
}

/** What does not work while a service is silent. */
const without: Record<string, string> = {
  policy: 'no call is decided and nobody can vote',
  lifecycle: 'tool servers are not started, looked at or accepted',
  audit: 'nothing is sealed, and new calls are refused when too much waits',
  'agent-executor': 'calls that were allowed do not run',
}

function silentFinding(name: string, message = 'does not answer'): Finding {
  return bad(
    name,
    `${message.split('; ')[0]}, so ${without[name] ?? 'its part of the work is not done'}`,
    `look at ${logOf(name)}; the launcher starts a service again when it dies, and npm start starts all of them`,
  )
}

function logOf(name: string): string {
  return `its log (.countersign/logs/${name}.log)`
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
  if (servers.length === 0) {
    yield warn(
      'servers',
      'there is no tool server, so agents have nothing to call',
      'put a document of kind MCPServer into .countersign/servers/',
    )
  }
  for (const server of servers) {
    const { name, ready, quarantinedCount, leftOut, toolCount, policies } = server
    const findings = [
      ...(ready ? [] : [notReadyFinding(server)]),
      ...(quarantinedCount > 0
        ? [
            warn(
              name,
              `${count(quarantinedCount, 'tool')} of it changed or cannot be used, so nobody can call them`,
              `see what changed: countersign servers ${name}   then accept it: countersign servers accept ${name} <tool>`,
            ),
          ]
        : []),
      ...(leftOut === undefined
        ? []
        : [warn(name, `tools of it are left out: ${leftOut}`, 'whoever runs the tool server must mend them')]),
      ...(ready && policies?.length === 0 ? [warn(name, `ready, but ${unmentioned}`, mentionIt(name))] : []),
    ]
    if (findings.length === 0) yield good(name, `ready, ${count(toolCount, 'tool')}`)
    yield* findings
  }
}

/** The first condition that does not hold is the cause; those after it follow from it. */
function notReadyFinding({ name, conditions }: ServerItem): Finding {
  const cause =
    conditions.find(({ status }) => status === 'False') ?? conditions.find(({ status }) => status !== 'True')
  const remedy = `start it, or correct its document in .countersign/servers/; more: countersign servers ${name}`
  if (!cause) return warn(name, 'was not looked at yet, so its tools cannot be called', remedy)
  const message = `is not ${cause.type.toLowerCase()}, so its tools cannot be called: ${cause.message}`
  return cause.status === 'False' ? bad(name, message, remedy) : warn(name, message, remedy)
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
      'put a valid ToolPolicy into .countersign/policies/; judge it with: countersign policies check <path>',
    )
  else yield good('policies', `${view.policies.length} in force`)
  for (const { file, line, column, message } of view.problems) {
    yield bad(
      'policies',
      `the newer documents are not in force, so ${view.revision === null ? 'every call is denied' : 'the last good set still decides'}: ${file}:${line}:${column}: ${message}`,
      'correct it: it is taken up within two seconds',
    )
  }
}

function* newCallFindings({ newCalls, audit }: StatusAnswer): Generator<Finding> {
  if (newCalls?.taken !== false) return
  yield bad(
    'new calls',
    `are refused (audit_behind), because ${newCalls.reason}`,
    audit?.problem
      ? 'mend what keeps audit from recording, below; calls are taken again when it has caught up'
      : `look at ${logOf('audit')} and whether it runs; calls are taken again when it has caught up`,
  )
}

function auditFinding({ audit }: StatusAnswer): Finding {
  if (!audit)
    return bad(
      'audit log',
      'does not say how far it is, so nobody knows whether calls are recorded',
      `look at ${logOf('audit')}`,
    )
  const { size, lag, problem } = audit
  if (problem !== undefined)
    return bad(
      'audit log',
      `cannot record, so ${lag === undefined ? 'events wait' : `${count(lag, 'event')} wait`}, and new calls are refused when too many do or one waits too long: ${problem}`,
      `make room on its disk when that is full, else look at ${logOf('audit')}; it goes on by itself, and nothing is lost meanwhile`,
    )
  if (lag === undefined)
    return warn(
      'audit log',
      `${count(size, 'record')}, but how many wait is not known, so calls may be refused soon without a sign`,
      `look at ${logOf('audit')}`,
    )
  return lag < 1000
    ? good('audit log', `${count(size, 'record')}, ${count(lag, 'event')} to go`)
    : warn(
        'audit log',
        `${count(lag, 'event')} are not sealed yet, and new calls are refused when too many wait`,
        `if that number does not fall, look at the disk of audit and at ${logOf('audit')}`,
      )
}

function* witnessFindings({ audit }: StatusAnswer): Generator<Finding> {
  const { size = 0, witnessed } = audit ?? {}
  if (!witnessed) return
  if (witnessed.problem === undefined)
    yield good('witnesses', `have cosigned ${witnessed.size} of ${count(size, 'record')}`)
  else
    yield warn(
      'witnesses',
      `have cosigned ${witnessed.size} of ${count(size, 'record')}, so nobody else vouches for the rest: ${witnessed.problem}`,
      'ask whoever runs the witness; when it has seen another log under this name, the log was set back or changed: keep both, and find out',
    )
}

async function* unknownFindings(console: Client): AsyncGenerator<Finding> {
  try {
    const { calls } = await console.get<{ calls: CallView[] }>('/calls', { state: 'unknown', limit: 20 })
    if (calls.length === 0) yield good('unknown calls', 'none')
    for (const { callId, server, tool } of calls) {
      yield warn(
        'unknown calls',
        `${callId} (${server}: ${tool}) may or may not have run, so its agent must not ask again before a person found out`,
        `look at what the tool changes, then: countersign resolve ${callId} --outcome ran|did_not_run --evidence TEXT`,
      )
    }
  } catch (error) {
    yield finding('unknown calls', error)
  }
}

function finding(name: string, error: unknown): Finding {
  if (!(error instanceof CliError)) throw error
  // Whoever reads this runs `doctor` already.
  const next = error.next?.includes('countersign doctor') ? undefined : error.next
  return bad(name, error.message, next ?? 'look at what is wrong above, and at the logs (.countersign/logs/)')
}
