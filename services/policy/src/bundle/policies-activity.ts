import {
  type ActivityEventData,
  type JsonObject,
  makeActivityEvent,
  type PoliciesInForce,
} from '@countersign/contracts'

type Name = 'policies_changed' | 'policies_refused'
type Owed = PoliciesInForce['unrecorded'][number]

/** So many changes may wait to be recorded; the next one is not taken up before. */
const maxUnrecorded = 50

/** Too many changes wait to be recorded, so no other is taken up. */
export class TooManyUnrecorded extends Error {
  override name = 'TooManyUnrecorded'
}

/** Makes the activity of a change. */
export function policiesActivity<N extends Name>(
  name: N,
  told: Omit<ActivityEventData<N>, 'tenant' | 'resource' | 'by'>,
  { now, tenant }: { now: Date; tenant: string },
): Owed {
  const common = { tenant, resource: { type: 'policies', name: 'current' }, by: 'policy' } as const
  const event = makeActivityEvent(name, { ...common, ...told } as ActivityEventData<N>, { now })
  return { tenant, name, event: event as unknown as JsonObject }
}

/**
 * Keeps an activity together with the change that it tells of, so that neither is there without the other.
 *
 * @throws TooManyUnrecorded when too many wait already: what cannot be recorded is not put in force
 */
export function withActivity(policies: PoliciesInForce, activity: Owed): PoliciesInForce {
  if (policies.unrecorded.length >= maxUnrecorded) {
    throw new TooManyUnrecorded(
      `${maxUnrecorded} changes of policies wait to be recorded, so no other is taken up; look at why the stream LIFECYCLE does not take them`,
    )
  }
  return { ...policies, unrecorded: [...policies.unrecorded, activity] }
}
