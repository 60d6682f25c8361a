import type { Ajv } from 'ajv'
import type { WorkLimit } from '../pattern/work-limit.ts'

type Test = RegExp | ((text: string) => boolean)

/**
 * Makes the formats of a validator count what they cost: their patterns are their author's and backtrack little, but for `url`, which
 * takes time in the square of the length.
 */
export function boundFormats(ajv: Ajv, limit: WorkLimit): void {
  for (const [name, format] of Object.entries(ajv.formats)) {
    const test = (format as { validate?: unknown } | undefined)?.validate ?? format
    const isTest = test instanceof RegExp || (typeof test === 'function' && ofStrings(format))
    if (isTest) ajv.addFormat(name, bounded(name, test as Test, limit))
  }
}

function ofStrings(format: unknown): boolean {
  return (format as { type?: string }).type !== 'number'
}

function bounded(name: string, test: Test, limit: WorkLimit): (text: string) => boolean {
  const passes = test instanceof RegExp ? (text: string) => test.test(text) : test
  return (text) => {
    limit.spend(name === 'url' ? text.length * (4 + text.length / 25) : text.length * 4)
    return passes(text)
  }
}
