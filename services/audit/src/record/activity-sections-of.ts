import { activityEvents, isActivityEventName, isJsonObject, type JsonObject } from '@countersign/contracts'
import { defined, type Sections, texts, timeOf } from './sections-of.ts'

/** Reads out of an activity what a record says for every kind of event; a member that is not what its schema says is left out. */
export function activitySectionsOf(name: string, event: JsonObject): Sections {
  const data = isJsonObject(event['data']) ? event['data'] : {}
  const { by, groups } = data
  return defined({
    time: timeOf(event),
    who: typeof by === 'string' ? defined({ principal: by, groups: texts(groups), actor: by }) : undefined,
    resource: resourceOf(data),
    outcome: { status: statusOf(name) },
  })
}

/** What an activity says it acted on; what was done to a tool server says it in members of its own. */
function resourceOf({ resource, server, tool }: JsonObject): Sections['resource'] {
  if (isJsonObject(resource) && typeof resource['type'] === 'string' && typeof resource['name'] === 'string') {
    return { type: resource['type'], name: resource['name'] }
  }
  if (typeof tool === 'string') return { type: 'tool', name: tool }
  return typeof server === 'string' ? { type: 'server', name: server } : undefined
}

function statusOf(name: string): string {
  if (isActivityEventName(name)) return activityEvents[name].status
  return { refused: 'refused', crashed: 'failed' }[name] ?? 'succeeded'
}
