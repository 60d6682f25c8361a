import { CountersignError } from '@countersign/contracts'
import { z } from 'zod'

/** The parameter of a list that says where it goes on. */
export const Cursor = z
  .string()
  .max(100)
  .optional()
  .describe('`next` of the page before; any other text is refused: 400, `invalid_params`')

/** Where a list goes on: before an index of a log that is taken to end where it did with the first page. */
export interface Place {
  before: number
  size?: number
}

/** Where a list goes on, as an opaque text; undefined at its end. */
export function cursorOf(next: number | null, size?: number): string | undefined {
  return next === null
    ? undefined
    : Buffer.from(size === undefined ? `i${next}` : `i${next}.${size}`).toString('base64url')
}

/**
 * Reads a cursor back.
 *
 * @throws CountersignError `invalid_params` for a text that is none
 */
export function placeOf(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined
  const [, before, size] = /^i(\d{1,15})(?:\.(\d{1,15}))?$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (before === undefined) {
    throw new CountersignError(
      'invalid_params',
      'the cursor is not one of this list; send `next` of the page before, or none',
    )
  }
  return { before: Number(before), ...(size === undefined ? {} : { size: Number(size) }) }
}
