import {
  callIdTimeMs,
  escaped,
  exactNumbersMeta,
  findPlaces,
  isJsonObject,
  type Json,
  type JsonObject,
  matchTarget,
  parseJsonPath,
  type Place,
  type RedactionInForce,
} from '@countersign/contracts'
import { z } from 'zod'

/** A rule that names places in events. */
export const EventRule = z.strictObject({
  /** Names of servers, with `*` for anything. */
  servers: z.array(z.string().min(1)).min(1).default(['*']),
  /** The part of the event that the path begins in; `event` is all of its data, and `activity` too, of what is no event of a call. */
  in: z.enum(['arguments', 'result', 'facts', 'event', 'activity']),
  path: z.string().max(500),
})
export type EventRule = z.infer<typeof EventRule>

/** A rule by setting, or one of policies, which can be for fewer calls. */
export type NarrowRule = EventRule & Partial<Pick<RedactionInForce, 'tenants' | 'tools' | 'until'>>

/** What rules are asked about: whose event it is, and of which call. */
export interface RuleTarget {
  tenant: string
  server: string | undefined
  callId?: string | undefined
}

export const EventRuleList = z.array(EventRule).max(1000)

/** A place that a rule names; `pointer` is from the event on. */
export interface NamedPlace extends Place {
  in: EventRule['in']
}

/** A rule that names more places than this in a part takes the part as a whole: an event is not to cost more the more places it has. */
const maxPlaces = 100

/** Where in an event's data the parts lie that rules speak of. */
const partsOf: Record<EventRule['in'], readonly string[][]> = {
  arguments: [
    ['arguments', 'inline'],
    ['decision', 'facts', 'args'],
  ],
  result: [['result', 'inline']],
  facts: [['decision', 'facts']],
  event: [[]],
  activity: [[]],
}

/** What else is taken where a rule speaks of a whole part (`$`): what was derived from it, and what stands in its place. */
const wholeParts: Record<EventRule['in'], readonly string[][]> = {
  arguments: [['arguments', 'stored'], ['preview']],
  result: [
    ['result', 'stored'],
    ['error', 'message'],
    ['upstream', 'message'],
  ],
  facts: [],
  event: [],
  activity: [],
}

/** Where the digits of numbers in a result stand a second time: who names a place in it names them, too. */
const exactNumbers = ['result', 'inline', '_meta', exactNumbersMeta]

/** Clocks of policy and gateway may differ by this much. */
const clockSkewMs = 10 * 60 * 1000

/** Rules made ready for looking at many events. */
export class EventRules {
  readonly #rules: readonly { in: EventRule['in']; steps: ReturnType<typeof parseJsonPath>; covers: Covers }[]

  /** @throws Error for a path that cannot be read */
  constructor(rules: readonly NarrowRule[]) {
    this.#rules = rules.map((rule) => ({ in: rule.in, steps: parseJsonPath(rule.path), covers: coversOf(rule) }))
  }

  /** The parts of an event that rules speak of. */
  partsNamed(data: Json, target: RuleTarget): Set<EventRule['in']> {
    return new Set(this.#for(data, target).map((rule) => rule.in))
  }

  /** The places in an event's data, as it is when each is asked for: what was replaced before is not looked into. */
  *placesIn(data: Json, target: RuleTarget): Generator<NamedPlace> {
    for (const { in: part, steps } of this.#for(data, target)) {
      const paths = steps.length === 0 ? [...partsOf[part], ...wholeParts[part]] : partsOf[part]
      for (const path of paths) {
        const places = placesBelow(data, path, steps)
        for (const place of places) yield { ...place, in: part }
        if (places.some(({ pointer }) => pointer.startsWith('/data/result/inline/')))
          for (const place of placesBelow(data, exactNumbers, [])) yield { ...place, in: part }
      }
    }
  }

  #for(data: Json, target: RuleTarget) {
    const tool = isJsonObject(data) && typeof data['tool'] === 'string' ? data['tool'] : undefined
    const ofCall = target.callId !== undefined
    return this.#rules.filter((rule) => !(ofCall && rule.in === 'activity') && rule.covers(target, tool))
  }
}

type Covers = (target: RuleTarget, tool: string | undefined) => boolean

/** Whether a rule is for an event; where the event does not say what is asked, it is. */
function coversOf({ servers, tenants, tools, until }: NarrowRule): Covers {
  const [ofServer, ofTenant, ofTool] = [matchTarget(servers), matchTarget(tenants), matchTarget(tools)]
  const untilMs = until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until) + clockSkewMs
  return ({ tenant, server = '', callId }, tool) =>
    ofServer(server) &&
    ofTenant(tenant) &&
    (tool === undefined || ofTool(tool)) &&
    // Of a call under an idempotency key it is not known when it began.
    (callId === undefined ? 0 : (callIdTimeMs(callId) ?? 0)) < untilMs
}

/** The places in a part of an event's data; of very many, what they lie in. */
function placesBelow(data: Json, path: readonly string[], steps: ReturnType<typeof parseJsonPath>): Place[] {
  const part = path.reduce<Json | undefined>((value, key) => (isJsonObject(value) ? value[key] : undefined), data)
  if (part === undefined) return []
  if (steps.length === 0) return [memberAt(data, path)]
  const places = findPlaces(part, steps)
  const before = ['', 'data', ...path].join('/')
  if (places.length <= maxPlaces) return places.map((place) => ({ ...place, pointer: before + place.pointer }))
  if (path.length > 0) return [memberAt(data, path)]
  const members = new Set(places.map(({ pointer }) => pointer.split('/')[1]!))
  return Object.keys(data as JsonObject).flatMap((key) => (members.has(escaped(key)) ? [memberAt(data, [key])] : []))
}

function memberAt(data: Json, path: readonly string[]): Place {
  const holder = path.slice(0, -1).reduce<Json>((value, key) => (value as JsonObject)[key]!, data) as JsonObject
  return { holder, key: path.at(-1)!, pointer: ['', 'data', ...path.map(escaped)].join('/') }
}
