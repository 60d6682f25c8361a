import { type Envelope, envelopeOf, envelopeType, wrap } from '../envelope.ts'
import type { Json } from '../json.ts'
import { wellFormed } from '../well-formed.ts'
import { type ActivityEventData, activityEvents, type ActivityEventName } from './events.ts'

/** The CloudEvents `type` of an activity. */
export function activityEventType(name: ActivityEventName): string {
  return envelopeType('activity', name)
}

/** One activity as it is stored; `subject` names what was acted on. */
export type ActivityEvent<N extends ActivityEventName = ActivityEventName> = Envelope<ActivityEventData<N>>

/** The envelope of an activity, for the wire schema. */
export function activityEnvelopeSchema(name: ActivityEventName) {
  return envelopeOf(activityEventType(name), activityEvents[name].schema, {})
}

/**
 * Makes an activity, under an id of its own: storing it again is recognised as the same message. Its texts may come from whoever is recorded, so
 * halves of surrogate pairs in them are replaced: nobody makes the record of what they did unreadable.
 */
export function makeActivityEvent<N extends ActivityEventName>(
  name: N,
  data: ActivityEventData<N>,
  { now, id = crypto.randomUUID() }: { now: Date; id?: string },
): ActivityEvent<N> {
  const { writer } = activityEvents[name]
  const told = wellFormed(data as unknown as Json) as unknown as ActivityEventData<N>
  return wrap({ id, writer, type: activityEventType(name), subject: told.resource.name, now }, told)
}
