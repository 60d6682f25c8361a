import type { StatusAnswer } from '../../api/gather-status.ts'
import type { Places } from '../connect/places.ts'
import { count } from '../output/times.ts'
import { bad, type Finding, good, warn } from './finding.ts'

/** How far the log is, and who vouches for it. */
export function* auditFindings(status: StatusAnswer, places: Places): Generator<Finding> {
  yield auditFinding(status, places)
  yield* witnessFindings(status)
}

/** Whether new calls are taken, as far as audit has a say. */
export function* newCallFindings({ newCalls, audit }: StatusAnswer, { logOf }: Places): Generator<Finding> {
  if (newCalls?.taken !== false) return
  yield bad(
    'new calls',
    `are refused (audit_behind), because ${newCalls.reason}`,
    audit?.problem
      ? 'mend what keeps audit from recording, below; calls are taken again when it has caught up'
      : `look at ${logOf('audit')} and whether it runs; calls are taken again when it has caught up`,
  )
}

function auditFinding({ audit }: StatusAnswer, { logOf }: Places): Finding {
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
