import { type AboutValue, describeFault } from '@countersign/config'
import type { z } from 'zod'
import type { Problem } from './describe-problems.ts'
import { describeUnknownKey } from './describe-unknown-key.ts'
import { findUnknownKeys } from './find-unknown-keys.ts'
import type { Path } from './parse-documents.ts'
import { placeText, samePath, valueAt } from './path.ts'

/** One thing that is wrong with a value, and where; of a value without its name, so that it can be told with whatever name it has. */
export type Fault = Problem

/**
 * Says in words what keeps a value from being of its schema. A misspelt key is told as that, and not also as the member that is missing
 * because of it.
 *
 * @param about what may be shown of values
 */
export function describeFaults(
  schema: z.ZodType,
  { issues }: z.ZodError,
  value: unknown,
  about: AboutValue & { mayName?: (path: Path) => boolean } = {},
): Fault[] {
  const { mayName = () => about.holdsSecrets !== true } = about
  const unknown = findUnknownKeys(schema, value)
  return issues.flatMap((issue): Fault[] => {
    const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const at = [...path, key]
        const found = unknown.find((each) => samePath([...each.at, each.key], at))
        const place = placeText(path)
        if (found) return { path: at, of: 'key', message: describeUnknownKey(found, place, mayName(at)) }
        return {
          path: at,
          of: 'key',
          message: `\`${key}\` does not go with the rest of ${place === '' ? 'it' : `\`${place}\``}; remove it`,
        }
      })
    }
    const found = valueAt(value, path)
    const isMisspelt = unknown.some(({ at, meant }) => meant !== undefined && samePath([...at, meant], path))
    if (found === undefined && isMisspelt) return []
    return [{ path, of: 'value', message: describeFault(issue, found, about) }]
  })
}

/** A fault as a sentence that stands by itself. */
export function faultText({ path, of, message }: Fault): string {
  if (of === 'key') return message
  return `${path.length === 0 ? 'it' : `\`${placeText(path)}\``} ${message}`
}
