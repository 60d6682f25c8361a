import { type ASTNode, EvaluationError } from '@marcbachmann/cel-js'
import { compileRe2, type LinearPattern } from '../pattern/linear-pattern.ts'
import { WorkLimit } from '../pattern/work-limit.ts'

/**
 * What stands for `matches` once a condition is parsed: the library's own backtracks, so that a crafted argument could keep policy
 * busy for ever, and it lets nobody replace it.
 */
export const linearMatches = 'matchesInLinearTime'

/** What one evaluation may cost; renewed for each. */
const matchesLimits = { compile: new WorkLimit(20_000), match: new WorkLimit(10_000_000) }

/** Instructions that are kept compiled. */
const maxCompiled = 500_000
/** What a pattern takes besides its instructions, in instructions. */
const perPattern = 200
/** A pattern may come from an argument. */
const maxSource = 1000
const compiled = new Map<string, { pattern: LinearPattern; cost: number }>()
let compiledCost = 0

/** True when some part of the text matches the pattern, in the syntax of RE2, as CEL has it. */
export function matches(text: string, source: string): boolean {
  try {
    return patternOf(source).test(text)
  } catch (error) {
    throw new EvaluationError(`matches(${JSON.stringify(source.slice(0, 100))}): ${(error as Error).message}`)
  }
}

function patternOf(source: string): LinearPattern {
  const known = compiled.get(source)?.pattern
  if (known) return known
  if (source.length > maxSource) throw new Error(`the pattern has more than ${maxSource} characters`)
  // Before it is parsed: a list of patterns goes on after one that was refused.
  matchesLimits.compile.spend(source.length)
  const pattern = compileRe2(source, matchesLimits)
  const cost = pattern.size + perPattern
  compiled.set(source, { pattern, cost })
  compiledCost += cost
  for (const [oldest, { cost: freed }] of compiled) {
    if (compiledCost <= maxCompiled) break
    compiled.delete(oldest)
    compiledCost -= freed
  }
  return pattern
}

/** Starts over, for the next evaluation. */
export function renewMatches(): void {
  matchesLimits.compile.renew()
  matchesLimits.match.renew()
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
