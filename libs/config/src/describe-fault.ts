import type { z } from 'zod'
import { nearest } from './nearest.ts'

/** One thing a schema says against a value. */
export type Issue = z.core.$ZodIssue

/** What is known of a value besides its schema. */
export interface AboutValue {
  /** Values that unions may have, by the key they stand under, where the schema does not say it in words. */
  choices?: Readonly<Record<string, readonly string[]>>
  /** The value is not shown (I9). */
  holdsSecrets?: boolean
}

const typeNames: Record<string, string> = {
  object: 'a mapping of keys to values',
  record: 'a mapping of keys to values',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
}

const formatNames: Record<string, string> = {
  datetime: 'an instant like 2026-01-31T12:00:00Z',
  date: 'a day like 2026-01-31',
  url: 'a URL',
  email: 'an e-mail address',
  uuid: 'a UUID',
  base64: 'text in base64',
  base64url: 'text in base64url',
}

/**
 * Says in words what a value must be, and what it is instead, as the end of a sentence that begins with its name: the schema's own words are
 * for those who wrote it.
 */
export function describeFault(issue: Issue, value: unknown, about: AboutValue = {}): string {
  const { choices = {}, holdsSecrets = false } = about
  const must = value === undefined ? 'is missing: it must be' : 'must be'
  const not = value === undefined ? '' : `, not ${holdsSecrets ? typeOf(value) : shown(value)}`
  switch (issue.code) {
    case 'invalid_union': {
      const options = choices[String(issue.path.at(-1))] ?? ('options' in issue ? issue.options.map(String) : [])
      if (options.length === 0) return value === undefined ? 'is missing' : 'fits none of the forms that it may have'
      return `${must} ${listed(options)}${instead(value, options, holdsSecrets)}`
    }
    case 'invalid_value': {
      const options = issue.values.map(String)
      return `${must} ${listed(options)}${instead(value, options, holdsSecrets)}`
    }
    case 'invalid_type':
      return `${must} ${typeNames[issue.expected] ?? issue.expected}${not}`
    case 'invalid_format':
      return isRaw(issue)
        ? `${must} ${formatNames[issue.format] ?? patternOf(issue)}${not}`
        : inOwnWords(issue, value, holdsSecrets)
    case 'too_small': {
      const { origin, minimum, inclusive } = issue
      if (isNumber(origin)) return `must be ${inclusive ? 'at least' : 'more than'} ${minimum}`
      return Number(minimum) <= 1 ? 'must not be empty' : `is too short: at least ${minimum} ${unitOf(origin)}`
    }
    case 'too_big': {
      const { origin, maximum, inclusive } = issue
      if (isNumber(origin)) return `must be ${inclusive ? 'at most' : 'less than'} ${maximum}`
      return `is too long: at most ${maximum} ${unitOf(origin)}`
    }
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}${not}`
    case 'unrecognized_keys':
      return `has ${issue.keys.length === 1 ? 'a key that is' : 'keys that are'} not known${holdsSecrets ? '' : `: ${issue.keys.join(', ')}`}`
    case 'invalid_key':
      return 'is no key that may stand there'
    case 'invalid_element':
      return 'has an entry that it may not have'
    case 'custom':
      return inOwnWords(issue, value, holdsSecrets)
  }
}

/** What whoever wrote the schema says. */
function inOwnWords({ message }: Issue, value: unknown, holdsSecrets: boolean): string {
  return `${message}${holdsSecrets ? '' : `, not ${shown(value)}`}` // I9
}

/** A value as far as a message shows it. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a mapping'
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/** Whether nobody who wrote the schema put it into words. */
function isRaw({ message }: Issue): boolean {
  return message.startsWith('Invalid ')
}

function patternOf(issue: z.core.$ZodIssueInvalidStringFormat): string {
  if (issue.pattern !== undefined) return `text that matches ${issue.pattern}`
  return `text of the form ${issue.format}`
}

function unitOf(origin: string): string {
  return origin === 'array' ? 'entries' : 'characters'
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
