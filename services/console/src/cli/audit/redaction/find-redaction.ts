import type { RedactedPlace } from '@countersign/contracts'
import { CliError, exits } from '../../cli-error.ts'
import type { RedactedRecord } from './read-records.ts'

/** One place that something was taken out of, and the digest that was sealed for it. */
export interface FoundRedaction extends RedactedPlace {
  event: string
  callId: string | undefined
  digest: string
}

/**
 * The redaction that somebody means.
 *
 * @param path JSON Pointer into the event; undefined: the only one there is
 * @param seq of the event in its stream, where several events have something taken out of the place
 * @throws CliError naming those there are, when it is none of them or more than one
 */
export function findRedaction(
  records: readonly RedactedRecord[],
  path: string | undefined,
  seq: number | undefined,
): FoundRedaction {
  const all = records.flatMap(({ redactions, ...rest }) =>
    redactions.map(({ path, digest }) => ({ ...rest, callId: rest.callId, path, digest })),
  )
  const found = all.filter(
    (each) => (path === undefined || each.path === path) && (seq === undefined || each.stream.seq === seq),
  )
  if (found.length === 1) return found[0]!
  if (all.length === 0) throw new CliError(exits.notFound, 'nothing was taken out of the events in that file')
  const what = found.length === 0 ? 'nothing was taken out there' : `that is said of ${found.length} places`
  const shown = (found.length === 0 ? all : found).slice(0, 10)
  const places = shown.map(({ event, stream, path }) => `${path} (${event}, --seq ${stream.seq})`)
  throw new CliError(found.length === 0 ? exits.notFound : exits.usage, `${what}; there are: ${places.join(', ')}`, {
    next: 'name one with --path, and --seq where several events have it',
  })
}
