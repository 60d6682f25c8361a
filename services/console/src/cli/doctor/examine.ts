import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { StatusAnswer } from '../../api/gather-status.ts'
import type { Invocation } from '../command.ts'
import { findLocalInfo } from '../connect/find-console.ts'
import { auditFindings, newCallFindings } from './audit-findings.ts'
import { busFindings, serviceFindings } from './bus-findings.ts'
import { grantFindings, unknownFinding } from './call-findings.ts'
import { clockFinding } from './clock-finding.ts'
import { contentFindings } from './content-findings.ts'
import { diskFinding } from './disk-finding.ts'
import { exportFindings } from './export-findings.ts'
import { bad, failure, type Finding, good, warn } from './finding.ts'
import { gatewayFinding } from './gateway-finding.ts'
import { policyFindings } from './policy-findings.ts'
import { serverFindings } from './server-findings.ts'

/** Looks at everything that has to be right, from the outside in; what cannot be reached ends the examination, and nobody silent is asked twice. */
export async function* examine({ client, where, nowMs }: Invocation): AsyncGenerator<Finding> {
  const { environment, state, as, cwd } = where
  if (state === undefined && as === undefined && environment.consoleUrl && environment.token) {
    yield good('settings', 'COUNTERSIGN_CONSOLE_URL and COUNTERSIGN_TOKEN are set')
  } else {
    try {
      const local = await findLocalInfo({ state, cwd })
      yield await fileMode(local.path)
      yield await diskFinding(dirname(local.path))
      yield await gatewayFinding(local)
    } catch (error) {
      yield failure('local.json', error, 'start Countersign again: it writes the file anew')
      return
    }
  }
  const console = await client('operator')
  const { places } = console.target
  let status: StatusAnswer
  try {
    const before = Date.now()
    status = await console.get<StatusAnswer>('/status')
    yield good('console', `answers at ${console.target.url} and accepts the token`)
    yield clockFinding(Date.parse(status.now), before, Date.now())
  } catch (error) {
    yield failure('console', error, `look at ${places.logOf('console')}`)
    return
  }
  yield* busFindings(status, places)
  if (!status.bus.connected || !status.bus.answers) return
  yield* tokenFindings(status)
  for (const { what, problem, remedy } of status.users?.faults ?? []) yield bad('users', `${what}: ${problem}`, remedy)
  yield* serviceFindings(status, places)
  const isSilent = (service: string) => status.services.some(({ name, answers }) => name === service && !answers)
  yield* serverFindings(console)
  if (!isSilent('policy')) yield* policyFindings(console)
  yield* newCallFindings(status, places)
  if (isSilent('audit')) {
    yield warn(
      'audit log',
      'nothing of it was looked at, nor its index, its exports and calls whose outcome is unknown, because audit does not answer',
      'have audit answer first, then: countersign doctor',
    )
    return
  }
  yield* auditFindings(status, places)
  yield* contentFindings(console, status)
  yield* exportFindings(console, nowMs)
  yield await unknownFinding(console)
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

async function fileMode(path: string): Promise<Finding> {
  const mode = (await stat(path)).mode & 0o777
  if ((mode & 0o077) === 0) return good('local.json', `${path}, for your eyes only`)
  return bad(
    'local.json',
    `${path} holds tokens and has mode ${mode.toString(8)}, so others may read it`,
    `chmod 600 ${path}`,
  )
}
