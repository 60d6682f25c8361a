import { describeFault, type Issue } from '@countersign/config'
import { describeUnknownKey } from './describe-unknown-key.ts'
import { findUnknownKeys, type UnknownKey } from './find-unknown-keys.ts'
import type { DocumentKind, Path } from './parse-documents.ts'
import { placeText, samePath, valueAt } from './path.ts'

/** One thing that is wrong with a document, with the place it is about. */
export interface Problem {
  path: Path
  /** Whether the key at the path is meant, or its value. */
  of: 'key' | 'value'
  message: string
}

/**
 * Says in words what keeps a document from being of its kind. A misspelt key is told as that, and not also as the member that
 * is missing because of it.
 *
 * @param content the document as it was read
 * @param issues what the schema says against it
 * @param mayName whether a key at a path may be shown
 */
export function describeProblems<T>(
  kind: DocumentKind<T>,
  content: unknown,
  issues: readonly Issue[],
  mayName: (path: Path) => boolean,
): Problem[] {
  const unknown = findUnknownKeys(kind.schema, content)
  const isUnknown = (path: Path) => unknown.some(({ at, key }) => samePath([...at, key], path))
  const isSpoilt = (path: Path) => unknown.some(({ at }) => samePath(at, path))
  const placeOf = (path: Path) => {
    const { subject, rest } = kind.subjectOf?.(content, path) ?? { subject: '', rest: path }
    return { subject, rest: placeText(rest) }
  }
  const described = issues.flatMap((issue): Problem[] => {
    const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
    if (issue.code === 'unrecognized_keys') {
      const misplaced = issue.keys.map((key) => [...path, key]).filter((each) => !isUnknown(each))
      return misplaced.map((each): Problem => {
        const message =
          kind.misplacedKey?.(content, each) ?? `\`${each.at(-1)}\` does not go with the rest of it; remove it`
        return { path: each, of: 'key', message: placeOf(each).subject + message }
      })
    }
    const value = valueAt(content, path)
    if (value === undefined && isSpoilt(path.slice(0, -1))) return []
    const { subject, rest } = placeOf(path)
    const missing = value === undefined || value === null ? kind.missing?.(path) : undefined
    return [
      {
        path,
        of: 'value',
        message: subject + (missing ?? `${rest === '' ? 'it' : `\`${rest}\``} ${describeFault(issue, value, kind)}`),
      },
    ]
  })
  return [
    ...unknown.map((each) => describeUnknown(kind, each, placeOf(each.at), mayName([...each.at, each.key]))),
    ...described,
  ]
}

function describeUnknown<T>(
  kind: DocumentKind<T>,
  unknown: UnknownKey,
  { subject, rest }: { subject: string; rest: string },
  mayName: boolean,
): Problem {
  const { at, key } = unknown
  const message = kind.unknownKey?.(key) ?? describeUnknownKey(unknown, rest, mayName)
  return { path: [...at, key], of: 'key', message: subject + message }
}
