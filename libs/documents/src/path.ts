import { isJsonObject } from '@countersign/contracts'
import type { Path } from './parse-documents.ts'

/** A path as people write it: `approval.groups[0]`. */
export function placeText(path: Path): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
  return text.startsWith('.') ? text.slice(1) : text
}

/** What stands at a path; undefined where there is nothing. */
export function valueAt(content: unknown, path: Path): unknown {
  let value = content
  for (const step of path) {
    if (Array.isArray(value)) value = value[Number(step)]
    else if (isJsonObject(value) && Object.hasOwn(value, step)) value = value[step]
    else return undefined
  }
  return value
}

export function samePath(a: Path, b: Path): boolean {
  return a.length === b.length && a.every((step, place) => step === b[place])
}
