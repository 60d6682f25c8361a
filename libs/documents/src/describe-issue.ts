import type { z } from 'zod'
import { nearest } from './nearest.ts'
import type { DocumentKind } from './parse-documents.ts'

/** One thing the schema says against a document. */
export type Issue = z.core.$ZodIssue

const typeNames: Record<string, string> = {
  object: 'a mapping of keys to values',
  record: 'a mapping of keys to values',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
}

/**
 * Says in words what a value must be, and what it is instead.
 *
 * @param name the value's place below what the message is about, like `approval.quorum`; empty for all of it
 * @param kind what documents these are, which says whether the value may be shown
 */
export function describeIssue(
  issue: Issue,
  name: string,
  value: unknown,
  { choices, holdsSecrets = false }: Pick<DocumentKind<unknown>, 'choices' | 'holdsSecrets'>,
): string {
  const it = name === '' ? 'it' : `\`${name}\``
  const must = value === undefined ? 'is missing: it must be' : 'must be'
  switch (issue.code) {
    case 'invalid_union': {
      const options = choices[String(issue.path.at(-1))] ?? []
      return `${it} ${must} ${listed(options)}${instead(value, options, holdsSecrets)}`
    }
    case 'invalid_value': {
      const options = issue.values.map(String)
      return `${it} ${must} ${listed(options)}${instead(value, options, holdsSecrets)}`
    }
    case 'invalid_type': {
      const type = typeNames[issue.expected] ?? issue.expected
      return `${it} ${must} ${type}${value === undefined ? '' : `, not ${holdsSecrets ? typeOf(value) : shown(value)}`}`
    }
    case 'too_small':
      return isNumber(issue.origin) ? `${it} must be at least ${issue.minimum}` : `${it} must not be empty`
    case 'too_big':
      if (isNumber(issue.origin)) return `${it} must be at most ${issue.maximum}`
      return `${it} is too long: at most ${issue.maximum} ${issue.origin === 'array' ? 'entries' : 'characters'}`
    default:
      return `${it} ${issue.message}${holdsSecrets ? '' : `, not ${shown(value)}`}` // I9
  }
}

/** A value as far as a message shows it. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a mapping'
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function isNumber(origin: string): boolean {
  return origin === 'number' || origin === 'int'
}

/** `a`, `b` or `c`. */
function listed(options: readonly string[]): string {
  const quoted = options.map((option) => `\`${option}\``)
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`
}

function instead(value: unknown, options: readonly string[], holdsSecrets: boolean): string {
  if (value === undefined) return ''
  const meant = typeof value === 'string' && options.length > 1 ? nearest(value, options) : undefined
  return `${holdsSecrets ? '' : `, not ${shown(value)}`}${meant ? `; did you mean \`${meant}\`?` : ''}`
}

/** What a value is, for a message that must not show it. */
function typeOf(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return typeNames['array']!
  return typeNames[typeof value] ?? typeof value
}
