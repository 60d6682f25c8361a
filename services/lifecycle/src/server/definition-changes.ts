import { type DefinitionChange, isJsonObject, type Json } from '@countersign/contracts'

const maxChanges = 50
const maxText = 500

/**
 * What changed between two JSON values: one entry a member, with its RFC 6901 pointer and its JSON before and after, both
 * cut to 500 characters; 50 entries at most, the last of which then says so.
 */
export function definitionChanges(before: Json | undefined, after: Json | undefined): DefinitionChange[] {
  const changes: DefinitionChange[] = []
  compare('', before, after, changes)
  if (changes.length <= maxChanges) return changes
  const rest = changes.length - maxChanges + 1
  return [...changes.slice(0, maxChanges - 1), { path: '', after: `(${rest} more changes are not listed)` }]
}

function compare(path: string, before: Json | undefined, after: Json | undefined, changes: DefinitionChange[]): void {
  const bothObjects = isJsonObject(before) && isJsonObject(after)
  const bothArrays = Array.isArray(before) && Array.isArray(after)
  if (bothObjects || bothArrays) {
    const left = before as Record<string, Json>
    const right = after as Record<string, Json>
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
      compare(`${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, own(left, key), own(right, key), changes)
    }
    return
  }
  const [was, is] = [textOf(before), textOf(after)]
  if (was === is) return
  changes.push({
    path,
    ...(was === undefined ? {} : { before: cut(was) }),
    ...(is === undefined ? {} : { after: cut(is) }),
  })
}

function own(value: Record<string, Json>, key: string): Json | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined
}

function textOf(value: Json | undefined): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value)
}

function cut(text: string): string {
  return text.length > maxText ? `${text.slice(0, maxText).toWellFormed()}…` : text
}
