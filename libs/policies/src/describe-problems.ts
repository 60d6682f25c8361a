import { isJsonObject, ToolPolicy } from '@countersign/contracts'
import { describeIssue, type Issue, shown } from './describe-issue.ts'
import { findUnknownKeys, type UnknownKey } from './find-unknown-keys.ts'
import type { Path } from './parse-documents.ts'

/** One thing that is wrong with a document, with the place it is about. */
export interface Problem {
  path: Path
  /** Whether the key at the path is meant, or its value. */
  of: 'key' | 'value'
  message: string
}

/** Of the policy language, but not enforced yet: refused rather than ignored. */
const notEnforced = new Set(['limits', 'redact', 'preview'])

/**
 * Says in words what keeps a document from being a `ToolPolicy`. A misspelt key is told as that, and not also as the member that
 * is missing because of it.
 *
 * @param content the document as it was read
 * @param issues what the schema says against it
 */
export function describeProblems(content: unknown, issues: readonly Issue[]): Problem[] {
  const unknown = findUnknownKeys(ToolPolicy, content)
  const isUnknown = (path: Path) => unknown.some(({ at, key }) => samePath([...at, key], path))
  const isSpoilt = (path: Path) => unknown.some(({ at }) => samePath(at, path))
  const described = issues.flatMap((issue): Problem[] => {
    const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
    if (issue.code === 'unrecognized_keys') {
      const misplaced = issue.keys.map((key) => [...path, key]).filter((each) => !isUnknown(each))
      return misplaced.map((each) => describeMisplaced(content, each))
    }
    const value = valueAt(content, path)
    if (value === undefined && isSpoilt(path.slice(0, -1))) return []
    const { subject, rest } = placeOf(content, path)
    return [{ path, of: 'value', message: subject + describeIssue(issue, rest, value) }]
  })
  return [...unknown.map((each) => describeUnknown(content, each)), ...described]
}

function describeUnknown(content: unknown, { at, key, meant, under, known }: UnknownKey): Problem {
  const { subject, rest } = placeOf(content, at)
  const inside = rest === '' ? '' : ` in \`${rest}\``
  let hint = `; what may stand here: ${known.join(', ')}`
  if (under) hint = `, it belongs under \`${under}\``
  if (meant) hint = `, did you mean \`${meant}\`?`
  const message = notEnforced.has(key)
    ? `\`${key}\` is not enforced yet, so it is refused rather than ignored; remove it`
    : `unknown key \`${key}\`${inside}${hint}`
  return { path: [...at, key], of: 'key', message: subject + message }
}

/** A key that only a rule with another effect has. */
function describeMisplaced(content: unknown, path: Path): Problem {
  const effect = shown(valueAt(content, [...path.slice(0, -1), 'effect']))
  const message = `\`${path.at(-1)}\` goes with \`effect: hold\`, but the effect here is ${effect}; change one of them`
  return { path, of: 'key', message: placeOf(content, path).subject + message }
}

/** A path as people say it: the rule by its name, and what is left of the path below it. */
function placeOf(content: unknown, path: Path): { subject: string; rest: string } {
  const [first, second, index, ...below] = path
  if (first !== 'spec' || second !== 'rules' || typeof index !== 'number') return { subject: '', rest: written(path) }
  const name = valueAt(content, ['spec', 'rules', index, 'name'])
  const rule = typeof name === 'string' && name !== '' ? `rule "${name}"` : `rule ${index + 1}, which has no name`
  return { subject: `${rule}: `, rest: written(below) }
}

function written(path: Path): string {
  const text = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
  return text.startsWith('.') ? text.slice(1) : text
}

function valueAt(content: unknown, path: Path): unknown {
  let value = content
  for (const step of path) {
    if (Array.isArray(value)) value = value[Number(step)]
    else if (isJsonObject(value) && Object.hasOwn(value, step)) value = value[step]
    else return undefined
  }
  return value
}

function samePath(a: Path, b: Path): boolean {
  return a.length === b.length && a.every((step, place) => step === b[place])
}
