import type { ErrorCode, YAMLError } from 'yaml'

const words: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias has an anchor or a tag',
  BAD_ALIAS: 'an alias or an anchor has no name that can be read; quote a value that begins with `*` or `&`',
  BAD_COLLECTION_TYPE: 'a tag does not go with what stands behind it; quote a value that begins with `!`',
  BAD_DIRECTIVE: 'a line that begins with `%` is no directive',
  BAD_DQ_ESCAPE: 'a backslash begins no escape that is known; single quotes take it as it is',
  BAD_INDENT: 'the indentation does not go with the lines before',
  BAD_PROP_ORDER: 'an anchor or a tag stands before what it must follow',
  BAD_SCALAR_START: 'a value begins with a character that means something else; quote it',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping begins in a line that has a key already; quote a value that holds `: `',
  BLOCK_IN_FLOW: 'lines with their own indentation stand within brackets or braces',
  DUPLICATE_KEY: 'keys of a mapping must be unique, and this one is there already',
  IMPOSSIBLE: 'it cannot be read',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR: 'a character is missing: one that closes quotes, brackets or braces, or `,`, `:` or a space between',
  MULTILINE_IMPLICIT_KEY: 'a key goes on over more than a line, or its `:` is missing',
  MULTIPLE_ANCHORS: 'there is more than one anchor',
  MULTIPLE_DOCS: 'there is more than one document',
  MULTIPLE_TAGS: 'there is more than one tag',
  NON_STRING_KEY: 'a key is not text',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
  TAB_AS_INDENT: 'a tab is used to indent',
  TAG_RESOLVE_FAILED: 'a tag is not known; quote a value that begins with `!`',
  UNEXPECTED_TOKEN:
    'what stands here cannot stand here; quote a value that holds characters with a meaning of their own',
}

/** Says why text is not YAML without anything that stands in it: what the library says quotes it, and it may be a secret. */
export function yamlFault({ code }: Pick<YAMLError, 'code'>): string {
  return words[code]
}

/** Said of a document whose aliases cannot be put in place; what the library throws of that names them. */
export const aliasFault = 'an alias has no anchor before it, or there are too many aliases'
