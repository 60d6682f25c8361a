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

/**
 * Says that a log is not gone on with because its checkpoint may be anybody's, and what to do.
 *
 * @param by who signed it
 * @param keys who may have
 */
export function notOurs(place: string, file: string, by: readonly string[], keys: readonly string[]): LogBroken {
  return new LogBroken(
    `the log ${place} is not gone on with: its checkpoint in ${file} is signed by none of the keys in COUNTERSIGN_AUDIT_KEY_FILE ` +
      `(it is signed by ${by.join(', ')}; the file has ${keys.join(', ') || 'none'}), and what audit goes on from it signs as its own. ` +
      'If a key was taken out of the file, put it back after the new one for one start: both then sign. If not, somebody else wrote ' +
      'this log: keep it as evidence and start with one restored from a copy',
  )
}
