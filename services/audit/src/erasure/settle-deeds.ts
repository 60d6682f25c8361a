import { type Bus, encode } from '@countersign/bus'
import {
  type ActivityEventData,
  type ActivityEventName,
  eventContentType,
  makeActivityEvent,
  subjects,
} from '@countersign/contracts'
import type { Deed, Deeds } from '@countersign/subject-keys'

/** What holds words of content beside the log. */
export interface ContentIndex {
  /** Forgets what it holds of the content of a subject's calls. */
  forget(tenant: string, subject: string): Promise<void>
  /** Forgets what it holds of content whose keys are gone, of calls that began before an instant. */
  forgetBefore(tenant: string, before: Date): Promise<void>
  /** Takes what was forgotten out of its files. */
  forgetDeleted(): Promise<void>
}

export interface SettleOptions {
  deeds: Deeds
  bus: Pick<Bus, 'store'>
  index: ContentIndex
}

const atOnce = 100
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
  for (const deed of deeds.unrecorded(atOnce))
    await attempt(() => record(options, deed).then(() => deeds.recorded(deed.id)))
  const forgotten: string[] = []
  let forgot = false
  for (const deed of deeds.unapplied(atOnce)) {
    await attempt(async () => {
      forgot = (await apply(options, deed)) || forgot
      forgotten.push(deed.id)
    })
  }
  await attempt(async () => {
    if (forgot) await index.forgetDeleted()
    for (const id of forgotten) deeds.applied(id)
  })
  if (errors.length > 0)
    throw new AggregateError(errors, `${errors.length} parts of what was done are to be done again`)
}

/** Resolves to whether there was anything to forget. */
async function apply({ index }: SettleOptions, { event, tenant, data }: Deed): Promise<boolean> {
  const { resource, keys } = data as unknown as ActivityEventData<'erased'>
  if (event === 'erased' && keys !== 0) await index.forget(tenant, resource.name)
  if (event === 'erased') return keys !== 0
  if (event !== 'expired' || !indexedKinds.has(resource.name)) return false
  const { before } = data as unknown as ActivityEventData<'expired'>
  // A call of the last moment of a month may have been stored in the next.
  await index.forgetBefore(tenant, new Date(Date.parse(`${before}-01T00:00:00Z`) + dayMs))
  return true
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
