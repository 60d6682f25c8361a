import { RE2JS } from 're2js'
import { splitLookAheads } from './split-look-aheads.ts'
import { NotLinear, toRe2 } from './to-re2.ts'
import type { WorkLimit } from './work-limit.ts'

/** Longer patterns are refused before anything is made of them. */
const maxSource = 4096

/** A compiled pattern: whether some text matches, in time linear in its length. */
export interface LinearPattern {
  /** @throws TooMuchWork */
  test(text: string): boolean
  toString(): string
}

/** What compiling and matching may cost. */
export interface PatternLimits {
  /** Instructions of the compiled programs. */
  compile: WorkLimit
  /** Characters times instructions. */
  match: WorkLimit
}

/**
 * Compiles an ECMAScript pattern (flag `u`) for an engine that does not backtrack: with the one of the language a crafted text
 * can keep policy busy for ever.
 *
 * @throws Error saying why the pattern cannot be used
 */
export function linearPattern(source: string, limits: PatternLimits): LinearPattern {
  try {
    if (source.length > maxSource) throw new NotLinear(`it has more than ${maxSource} characters`)
    // Refuses what is no pattern at all, and what RE2 alone would understand.
    const { source: valid } = new RegExp(source, 'u')
    const parts = splitLookAheads(valid).map((part) => ({
      pattern: compileRe2(toRe2(part.source), limits),
      negated: part.negated,
    }))
    return {
      test: (text) => parts.every(({ pattern, negated }) => pattern.test(text) !== negated),
      toString: () => source,
    }
  } catch (error) {
    const message = `the pattern ${JSON.stringify(source.slice(0, 100))} cannot be judged in linear time: ${(error as Error).message}`
    throw new Error(message, { cause: error })
  }
}

/**
 * Compiles a pattern in the syntax of RE2.
 *
 * @returns with `size`, its instructions
 * @throws Error for one that RE2 does not know, `TooMuchWork` for one that is too large
 */
export function compileRe2(source: string, { compile, match }: PatternLimits): LinearPattern & { size: number } {
  if (source.length > maxSource * 4) throw new NotLinear('it is too long')
  const program = RE2JS.compile(source)
  const size = program.programSize()
  compile.spend(size)
  return {
    size,
    test(text) {
      match.spend((text.length + 1) * size)
      return program.test(text)
    },
    toString: () => source,
  }
}
