import { type ASTNode, EvaluationError, type ParseResult } from '@marcbachmann/cel-js'
import { type CelVariables, environment } from './environment.ts'
import { linearMatches, renewMatches, useLinearMatches } from './matches.ts'

/** What a condition says of a call; an error is neither true nor false. */
export type Outcome = boolean | { error: string }

/** A compiled `when`. */
export interface Condition {
  /** Whether the text names the variable at all; where it does not, the answer is the same whatever it holds. */
  names(variable: 'tool' | 'principal'): boolean
  /** Judges a call with its arguments; an argument that is absent reads as null. */
  judge(variables: CelVariables & { args: Map<string, unknown> }): Outcome
  /** Judges what is known without arguments; `unknown` where it takes them to tell. */
  judgeWithoutArguments(variables: Omit<CelVariables, 'args'>): Outcome | 'unknown'
}

/** Absent arguments that one evaluation may read; a condition of 4,096 characters has no use for more. */
const maxAbsent = 64

/**
 * Compiles the text of a `when`.
 *
 * @returns the condition, or why it cannot be one: syntax, types, or a result that is not bool
 */
export function compileCondition(text: string): { condition: Condition } | { problem: string } {
  let expression: ParseResult
  try {
    expression = environment.parse(text)
    useLinearMatches(expression.ast)
  } catch (error) {
    return { problem: `is not CEL: ${describe(error, text)}` }
  }
  const check = expression.check()
  if (!check.valid) return { problem: `does not fit the types of CEL here: ${describe(check.error, text)}` }
  if (check.type !== 'bool') {
    return { problem: `must be true or false, but is of type ${check.type}; compare it, as in \`… == true\`` }
  }
  const namesTool = /\btool\b/.test(text)
  const namesPrincipal = /\bprincipal\b/.test(text)
  return {
    condition: {
      names: (variable) => (variable === 'tool' ? namesTool : namesPrincipal),
      judge: (variables) => judge(expression, variables),
      judgeWithoutArguments: (variables) => judgeWithoutArguments(expression, variables),
    },
  }
}

function judge(expression: ParseResult, variables: CelVariables & { args: Map<string, unknown> }): Outcome {
  let { args } = variables
  renewMatches()
  for (let absent = 0; absent <= maxAbsent; absent++) {
    try {
      return outcomeOf(expression({ ...variables, args }))
    } catch (error) {
      const path = absentArgument(error)
      const filled = path && withNull(args, path)
      if (!filled) return { error: reasonOf(error) }
      args = filled
    }
  }
  return { error: `it reads more than ${maxAbsent} absent arguments` }
}

function judgeWithoutArguments(expression: ParseResult, variables: Omit<CelVariables, 'args'>): Outcome | 'unknown' {
  renewMatches()
  try {
    return outcomeOf(expression(variables))
  } catch (error) {
    if (error instanceof EvaluationError && error.code === 'unknown_variable') return 'unknown'
    return { error: reasonOf(error) }
  }
}

function outcomeOf(value: unknown): Outcome {
  return typeof value === 'boolean' ? value : { error: 'its result is not bool' }
}

/** The path below `args` that an evaluation missed, when it can be told from the expression; else undefined. */
function absentArgument(error: unknown): string[] | undefined {
  if (!(error instanceof EvaluationError) || error.code !== 'no_such_key') return undefined
  const path: string[] = []
  for (let node: ASTNode | undefined = error.node; node;) {
    if (node.op === 'id') return node.args === 'args' && path.length > 0 ? path : undefined
    if (node.op === '.') path.unshift(node.args[1])
    else if (node.op === '[]' && node.args[1].op === 'value' && typeof node.args[1].args === 'string') {
      path.unshift(node.args[1].args)
    } else return undefined
    node = node.args[0]
  }
  return undefined
}

/** A copy with null at the path; undefined when the path leads through something that is no map, or ends at a value. */
function withNull(map: Map<string, unknown>, [key, ...rest]: string[]): Map<string, unknown> | undefined {
  if (key === undefined) return undefined
  const member = map.get(key)
  if (rest.length === 0) return map.has(key) ? undefined : new Map(map).set(key, null)
  const filled = member instanceof Map ? withNull(member as Map<string, unknown>, rest) : undefined
  return filled && new Map(map).set(key, filled)
}

function reasonOf(error: unknown): string {
  if (error instanceof EvaluationError) return error.summary.replaceAll(linearMatches, 'matches')
  return error instanceof Error ? error.message : String(error)
}

/** An error of the library as one line, with the place in the expression. */
function describe(error: unknown, text: string): string {
  const { summary, range } = error as { summary?: string; range?: { start: number } }
  if (!summary || !range) return reasonOf(error)
  const before = text.slice(0, range.start).split('\n')
  const place = before.length === 1 ? '' : `line ${before.length}, `
  return `${summary.replaceAll(linearMatches, 'matches')} (at ${place}character ${before.at(-1)!.length + 1} of the expression)`
}
