import { type ASTNode, EvaluationError } from '@marcbachmann/cel-js'
import { compileRe2, type LinearPattern } from '../pattern/linear-pattern.ts'
import { WorkLimit } from '../pattern/work-limit.ts'

/**
 * What stands for `matches` once a condition is parsed: the library's own backtracks, so that a crafted argument could keep policy
 * busy for ever, and it lets nobody replace it.
 */
export const linearMatches = 'matchesInLinearTime'

/** What one evaluation may cost; `match` is renewed for each, `compile` for each pattern. */
export const matchesLimits = { compile: new WorkLimit(20_000), match: new WorkLimit(10_000_000) }

const maxCompiled = 1000
/** A pattern may come from an argument. */
const maxSource = 1000
const compiled = new Map<string, LinearPattern>()

/** True when some part of the text matches the pattern, in the syntax of RE2, as CEL has it. */
export function matches(text: string, source: string): boolean {
  try {
    return patternOf(source).test(text)
  } catch (error) {
    throw new EvaluationError(`matches(${JSON.stringify(source.slice(0, 100))}): ${(error as Error).message}`)
  }
}

function patternOf(source: string): LinearPattern {
  const known = compiled.get(source)
  if (known) return known
  if (source.length > maxSource) throw new Error(`the pattern has more than ${maxSource} characters`)
  matchesLimits.compile.renew()
  const pattern = compileRe2(source, matchesLimits)
  if (compiled.size >= maxCompiled) compiled.delete(compiled.keys().next().value!)
  compiled.set(source, pattern)
  return pattern
}

/** Makes every `….matches(…)` of an expression ours. To be called before the expression is checked. */
export function useLinearMatches(node: unknown): void {
  if (Array.isArray(node)) {
    for (const item of node) useLinearMatches(item)
  } else if (isNode(node)) {
    if (node.op === 'rcall' && (node.args as unknown[])[0] === 'matches') (node.args as unknown[])[0] = linearMatches
    useLinearMatches(node.args)
  }
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}
