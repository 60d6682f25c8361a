import { z } from 'zod'
import { Instant } from '../call/common.ts'
import { type ActivityEventData, activityEvents, type ActivityEventName } from './events.ts'

/** The CloudEvents `type` of an activity. */
export function activityEventType(name: ActivityEventName): string {
  return `dev.countersign.activity.${name}.v1`
}

/** One activity as it is stored: a CloudEvent. */
export interface ActivityEvent<N extends ActivityEventName = ActivityEventName> {
  specversion: '1.0'
  id: string
  /** `/services/<name>`: the service that wrote it. */
  source: string
  type: string
  /** Name of what was acted on. */
  subject: string
  time: string
  datacontenttype: 'application/json'
  data: ActivityEventData<N>
}

/** The envelope around `data`, for the wire schema; unknown members are tolerated. */
export function activityEnvelopeSchema(name: ActivityEventName) {
  return z.looseObject({
    specversion: z.literal('1.0'),
    id: z.string().min(1).max(128),
    source: z.string().min(1),
    type: z.literal(activityEventType(name)),
    subject: z.string(),
    time: Instant,
    datacontenttype: z.literal('application/json'),
    data: activityEvents[name].schema,
  })
}

/** Makes an activity, under an id of its own: storing it again is recognised as the same message. */
export function makeActivityEvent<N extends ActivityEventName>(
  name: N,
  data: ActivityEventData<N>,
  context: { now: Date; id?: string },
): ActivityEvent<N> {
  return {
    specversion: '1.0',
    id: context.id ?? crypto.randomUUID(),
    source: `/services/${activityEvents[name].writer}`,
    type: activityEventType(name),
    subject: data.resource.name,
    time: context.now.toISOString(),
    datacontenttype: 'application/json',
    data,
  }
}
