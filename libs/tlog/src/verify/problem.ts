/** Something that is wrong with a log, and where. */
export interface Problem {
  /** Path of the file, below the place that is verified. */
  file: string
  /** Index of the entry. */
  entry?: number
  /** Byte in the file. */
  offset?: number
  reason: string
}

/** Writes a problem for people, on one line. */
export function describeProblem({ file, entry, offset, reason }: Problem): string {
  const where = [file, entry === undefined ? '' : `entry ${entry}`, offset === undefined ? '' : `byte ${offset}`]
  return `${where.filter((part) => part !== '').join(', ')}: ${reason}`
}
