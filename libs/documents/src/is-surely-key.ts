import { type Document, isMap, isScalar, isSeq, Scalar } from 'yaml'
import type { Path } from './parse-documents.ts'

const quoted: readonly unknown[] = [Scalar.QUOTE_DOUBLE, Scalar.QUOTE_SINGLE]

/**
 * True for a key that cannot be the rest of a value. Between braces what is behind a comma in a value without quotes is read as a key,
 * so one of those is only sure in quotes; where each key has a line of its own, a comma ends nothing (I9).
 *
 * @param path to the key
 */
export function isSurelyKey({ contents }: Pick<Document, 'contents'>, path: Path): boolean {
  let node: unknown = contents
  for (const [depth, step] of path.entries()) {
    if (isSeq(node)) {
      node = node.items[step as number]
      continue
    }
    if (!isMap(node)) return false
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step)
    if (!isScalar(pair?.key)) return false
    if (depth === path.length - 1) return node.flow !== true || quoted.includes(pair.key.type)
    node = pair.value
  }
  return false
}
