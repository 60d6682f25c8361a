import { readFileSync } from 'node:fs'
import { readValue } from '@countersign/config'
import { type EventRule, EventRuleList } from '../event-rules.ts'

/** What is personal where nothing else is said: what agents ask with and what tools answer, what people write about it, and where they came from. */
export const defaultPersonalRules: readonly EventRule[] = [
  { servers: ['*'], in: 'arguments', path: '$' },
  { servers: ['*'], in: 'result', path: '$' },
  { servers: ['*'], in: 'event', path: '$.comment' },
  { servers: ['*'], in: 'event', path: '$.evidence' },
  { servers: ['*'], in: 'activity', path: '$.address' },
  { servers: ['*'], in: 'activity', path: '$.addresses[*].address' },
]

/**
 * Reads what is personal.
 *
 * @param path JSON, in the form of redactions, where `$` names a part as a whole; without it the default is in force
 * @throws Error saying what is wrong: nothing is sealed with rules that were not understood (I7)
 */
export function readPersonalRules(path: string | undefined): readonly EventRule[] {
  if (path === undefined) return defaultPersonalRules
  try {
    return readValue(EventRuleList, JSON.parse(readFileSync(path, 'utf8')))
  } catch (cause) {
    throw new Error(`the rules of what is personal, ${path}, cannot be used: ${(cause as Error).message}`, { cause })
  }
}
