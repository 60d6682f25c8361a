import { type Bus, encode } from '@countersign/bus'
import {
  type ActivityEventData,
  type ActivityEventName,
  eventContentType,
  makeActivityEvent,
  subjects,
} from '@countersign/contracts'
import type { Deed, Deeds } from '@countersign/subject-keys'
import type { Erased } from '../index/reread-calls.ts'

/** What holds words of content beside the log. */
export interface ContentIndex {
  /** Forgets what it holds of content whose keys are gone, going over the calls of a tenant once. */
  forget(tenant: string, erased: Erased): Promise<void>
  /** Takes what was forgotten out of its files. */
  forgetDeleted(): Promise<void>
}

export interface SettleOptions {
  deeds: Deeds
  bus: Pick<Bus, 'store'>
  index: ContentIndex
}

const recordedAtOnce = 100
/** The index is gone over once for all of these, a tenant. */
const appliedAtOnce = 1000
const dayMs = 24 * 3600 * 1000
/** Kinds of content that the index has something of. */
const indexedKinds = new Set(['arguments', 'event'])
const storeMs = 5000

/**
 * Does what is left to do of deeds: an activity records each in the log, and the index forgets. Each is done again until it was done; an
 * activity that is stored twice, because audit was killed in between, has the same id.
 *
 * @throws AggregateError with what could not be done; what was done stays done
 */
export async function settleDeeds(options: SettleOptions): Promise<void> {
  const { deeds, index } = options
  const errors: unknown[] = []
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      errors.push(error)
    }
  }
  for (const deed of deeds.unrecorded(recordedAtOnce))
    await attempt(() => record(options, deed).then(() => deeds.recorded(deed.id)))
  const forgotten: string[] = []
  let forgot = false
  for (const [tenant, due] of Map.groupBy(deeds.unapplied(appliedAtOnce), ({ tenant }) => tenant)) {
    await attempt(async () => {
      const erased = erasedBy(due)
      if (erased) await index.forget(tenant, erased)
      forgot ||= erased !== undefined
      forgotten.push(...due.map(({ id }) => id))
    })
  }
  await attempt(async () => {
    if (forgot) await index.forgetDeleted()
    for (const id of forgotten) deeds.applied(id)
  })
  if (errors.length > 0)
    throw new AggregateError(errors, `${errors.length} parts of what was done are to be done again`)
}

/** What some deeds of a tenant erased of what the index has something of, as one; undefined for nothing. */
function erasedBy(deeds: readonly Deed[]): Erased | undefined {
  const subjects = new Set<string>()
  let beforeMs = Number.NEGATIVE_INFINITY
  for (const { event, data, at } of deeds) {
    const { resource, keys } = data as unknown as ActivityEventData<'erased'>
    if (event === 'erased' && keys !== 0) subjects.add(resource.name)
    if (event === 'keys_lost') beforeMs = Math.max(beforeMs, Date.parse(at))
    if (event !== 'expired' || !indexedKinds.has(resource.name)) continue
    const { before } = data as unknown as ActivityEventData<'expired'>
    // A call of the last moment of a month may have been stored in the next.
    beforeMs = Math.max(beforeMs, Date.parse(`${before}-01T00:00:00Z`) + dayMs)
  }
  const before = Number.isFinite(beforeMs) ? new Date(beforeMs) : undefined
  return subjects.size > 0 || before ? { subjects: [...subjects], before } : undefined
}

async function record({ bus }: SettleOptions, { id, event: name, tenant, data, at }: Deed): Promise<void> {
  const event = makeActivityEvent(name as ActivityEventName, data as never, { now: new Date(at), id })
  await bus.store(
    {
      subject: subjects.activity(tenant, name),
      data: encode(event),
      msgId: event.id,
      contentType: eventContentType,
    },
    Date.now() + storeMs,
  )
}
