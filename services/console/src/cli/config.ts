/** What the command takes from the environment. */
export interface CliEnvironment {
  consoleUrl: string | undefined
  token: string | undefined
  /** https://no-color.org: any value turns colour off. */
  noColor: boolean
}

/** Reads the environment; empty variables count as unset. */
export function cliEnvironment(): CliEnvironment {
  const { COUNTERSIGN_CONSOLE_URL, COUNTERSIGN_TOKEN, NO_COLOR } = process.env
  return {
    consoleUrl: COUNTERSIGN_CONSOLE_URL || undefined,
    token: COUNTERSIGN_TOKEN || undefined,
    noColor: Boolean(NO_COLOR),
  }
}
