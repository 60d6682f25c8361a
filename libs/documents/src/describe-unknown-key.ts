import type { UnknownKey } from './find-unknown-keys.ts'

const maxShown = 60

/**
 * Says in words that a key is not known, and which was probably meant or may stand there.
 *
 * @param place of the mapping it stands in, like `spec.config`; empty for the whole document
 * @param mayName whether the key may be shown; where a known one is near it is
 */
export function describeUnknownKey({ key, meant, under, known }: UnknownKey, place: string, mayName: boolean): string {
  const inside = place === '' ? '' : ` in \`${place}\``
  let hint = `; what may stand here: ${known.join(', ')}`
  if (under) hint = `, it belongs under \`${under}\``
  if (meant) hint = `, did you mean \`${meant}\`?`
  const name = key.length > maxShown ? `${key.slice(0, maxShown)}…` : key
  return `${mayName || meant || under ? `unknown key \`${name}\`` : 'a key that is not known'}${inside}${hint}`
}
