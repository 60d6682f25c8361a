import { CountersignError } from '@countersign/contracts'

/** Where a list goes on, as an opaque text; undefined at its end. */
export function cursorOf(next: number | null): string | undefined {
  return next === null ? undefined : Buffer.from(`i${next}`).toString('base64url')
}

/**
 * Reads a cursor back.
 *
 * @throws CountersignError `invalid_params` for a text that is none
 */
export function placeOf(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined
  const place = /^i(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString())?.[1]
  if (place === undefined) {
    throw new CountersignError(
      'invalid_params',
      'the cursor is not one of this list; send `next` of the page before, or none',
    )
  }
  return Number(place)
}
