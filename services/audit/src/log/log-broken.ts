/** Where a log is not what it must be. */
export interface LogProblem {
  file: string
  /** From 1. */
  line: number
  /** The entry that should be there. */
  index: number
  reason: string
}

/** Thrown for a log that was changed or lost a part: nothing may be appended to it. */
export class LogBroken extends Error {
  override name = 'LogBroken'
}

/** Says where a log is broken and what to do. */
export function brokenAt({ file, line, index, reason }: LogProblem): LogBroken {
  return new LogBroken(
    `the audit log is broken in ${file}, line ${line} (entry ${index}): ${reason}. Nothing is appended to a log that was changed; ` +
      'keep this folder as evidence and start audit with one restored from a copy',
  )
}
