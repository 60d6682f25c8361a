import type { StatusAnswer } from '../../api/gather-status.ts'
import type { Places } from '../connect/places.ts'
import { bad, type Finding, good, warn } from './finding.ts'

/** How the bus stands, which everything else needs. */
export function* busFindings(
  { bus: { connected, answers, faults } }: StatusAnswer,
  { restartNats, start }: Places,
): Generator<Finding> {
  if (!connected) {
    yield bad(
      'bus',
      'the console has lost nats-server, so no call is taken, decided or run',
      `look whether it runs: all of it is started with: ${start}   One that hangs: ${restartNats}`,
    )
  } else if (!answers) {
    yield bad(
      'bus',
      'nats-server does not answer, so no call is taken, decided or run, and nobody else can be asked',
      `${restartNats}; what it has acknowledged is on disk`,
    )
  } else if (!faults) yield warn('bus', 'connected, but how it is set up could not be seen', 'ask again in a moment')
  else if (faults.length === 0)
    yield good('bus', 'connected; servers, streams, buckets and consumers are as they must be')
  for (const { what, problem, remedy } of faults ?? []) yield bad('bus', `${what}: ${problem}`, remedy)
}

/** What does not work while a service is silent. */
const without: Record<string, string> = {
  policy: 'no call is decided and nobody can vote',
  lifecycle: 'tool servers are not started, looked at or accepted',
  audit: 'nothing is sealed, and new calls are refused when too much waits',
  'agent-executor': 'calls that were allowed do not run',
}

/** Which services answer. */
export function* serviceFindings({ services }: StatusAnswer, { logOf, start }: Places): Generator<Finding> {
  for (const { name, answers, message = 'does not answer' } of services) {
    if (answers) yield good(name, 'answers')
    else
      yield bad(
        name,
        `${message.split('; ')[0]}, so ${without[name] ?? 'its part of the work is not done'}`,
        `look at ${logOf(name)}; one that hangs has to be ended, and the launcher starts it again; all of them are started with: ${start}`,
      )
  }
}
