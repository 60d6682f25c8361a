/** Thrown for a log that was changed or lost a part: nothing may be appended to it. */
export class LogBroken extends Error {
  override name = 'LogBroken'
}

/** Says where a log is broken and what to do. */
export function brokenAt(place: string, file: string, reason: string): LogBroken {
  return new LogBroken(
    `the log ${place} is broken in ${file}: ${reason}. Nothing is appended to a log that was changed; keep it as evidence ` +
      'and start with one restored from a copy',
  )
}
