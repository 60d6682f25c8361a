import { type HoldView, isJsonObject, type SealedRecord } from '@countersign/contracts'
import type { StatusAnswer } from '../../api/gather-status.ts'
import { CliError } from '../cli-error.ts'
import type { Client } from '../connect/client.ts'
import type { Finding } from './finding.ts'
import { holdScope } from '../audit/hold-scope.ts'
import { contentOfCall } from '../audit/story/content-of-call.ts'
import { count, dateAndClock } from '../output/times.ts'

/** Records that are sealed and not indexed for a moment are no matter. */
export const muchBehind = 1000
const maxHolds = 5
/** How far back records are looked at for content whose key is gone, and how many at each. */
const looksBackDays = [0, 1, 7, 30, 90, 365]
const looksAt = 20
const dayMs = 86_400_000

/** How the index, the files of audit and the content it keeps stand. None of it is in the way of calls, so the worst is a look. */
export async function* contentFindings(console: Client, status: StatusAnswer): AsyncGenerator<Finding> {
  for (const { what, problem, remedy } of status.audit?.faults ?? []) {
    yield { name: what, verdict: 'warn', message: problem, remedy }
  }
  yield* indexFindings(status)
  yield* heldFindings(console)
  yield* lostKeyFindings(console)
}

function* indexFindings({ index }: StatusAnswer): Generator<Finding> {
  if (!index) return
  const name = 'audit index'
  const { size, indexed, problem } = index
  const behind = size - indexed
  const missing = 'the log itself goes on, and what is asked of it lacks what was sealed since'
  if (problem !== null) {
    const message = `does not follow the log, ${count(behind, 'record')} behind: ${problem}; ${missing}`
    const remedy =
      'it is tried again by itself: mend its Postgres server or the disk of its folder; what is damaged may be removed while audit is stopped, and is made anew from the log'
    yield { name, verdict: 'warn', message, remedy }
  } else if (behind > muchBehind) {
    const remedy = 'ask again in a moment; if that number does not fall, the machine or its Postgres server is too busy'
    yield { name, verdict: 'warn', message: `${count(behind, 'record')} behind; ${missing}`, remedy }
  } else yield { name, verdict: 'good', message: `has ${indexed} of ${count(size, 'record')}` }
}

async function* heldFindings(console: Client): AsyncGenerator<Finding> {
  const holds = await orNothing(console.get<{ holds: HoldView[] }>('/audit/holds'))
  if (!holds || holds.holds.length === 0) return
  const shown = holds.holds
    .slice(0, maxHolds)
    .map((hold) => `${hold.id} over ${holdScope(hold)} since ${dateAndClock(hold.placedAt)}`)
  const more = holds.holds.length - shown.length
  const message = `${count(holds.holds.length, 'hold')} in force, so nothing of theirs is erased: ${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`
  yield { name: 'legal holds', verdict: 'good', message }
}

/** Content that was encrypted with a key that is gone, though no record says that it was erased. */
async function* lostKeyFindings(console: Client): AsyncGenerator<Finding> {
  const pages = await orNothing(Promise.all(looksBackDays.map((days) => recordsBefore(console, days))))
  const deeds = await orNothing(
    Promise.all(['erased', 'expired', 'keys_lost'].map((outcome) => recordsWith(console, { outcome, limit: 1000 }))),
  )
  if (!pages || !deeds) return
  const records = new Map(pages.flat().map((sealed) => [sealed.index, sealed]))
  const erasing = deeds.flat()
  const lost = [...records.values()].filter(
    (sealed) => isWithoutKey(sealed) && !erasing.some((deed) => explains(deed, sealed)),
  )
  if (lost.length === 0) return
  const [{ index, record }] = lost as [SealedRecord]
  yield {
    name: 'subject keys',
    verdict: 'warn',
    message: `the content of ${lost.length} of ${count(records.size, 'record')} looked at cannot be read, as of record ${index}${record.who ? ` of ${record.who.principal}` : ''}: its key is not there, and no record says that it was erased`,
    remedy:
      'keys were lost, or others took their place: stop audit, and put the folder COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR back from a backup; the log verifies all the same',
  }
}

function isWithoutKey(sealed: SealedRecord): boolean {
  return contentOfCall([sealed]).hidden.erased.length > 0
}

/** An erasure of the subject after it was sealed, one of everything from before a later month, or a loss that was declared. */
function explains({ record: deed }: SealedRecord, { record }: SealedRecord): boolean {
  const data = deed.cloudEvent['data']
  if (!isJsonObject(data) || deed.storedAt < record.storedAt) return false
  if (deed.event === 'keys_lost') return true
  if (deed.event === 'expired')
    return typeof data['before'] === 'string' && record.storedAt.slice(0, 7) <= data['before']
  const { resource } = data
  return isJsonObject(resource) && resource['name'] === record.who?.principal
}

function recordsBefore(console: Client, days: number): Promise<SealedRecord[]> {
  const until = days === 0 ? undefined : new Date(Date.now() - days * dayMs).toISOString()
  return recordsWith(console, { until, limit: looksAt })
}

async function recordsWith(console: Client, query: Parameters<Client['get']>[1]): Promise<SealedRecord[]> {
  return (await console.get<{ records: SealedRecord[] }>('/audit/records', query)).records
}

/** What cannot be asked was told of already, or is not there: nothing is encrypted. */
async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof CliError) return undefined
    throw error
  }
}
