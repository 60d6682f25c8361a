/** What the exit code of the command means. */
export const exits = {
  ok: 0,
  /** A clear no: problems found, a vote refused. */
  negative: 1,
  usage: 2,
  /** The console cannot be reached, or does not know the token. */
  unreachable: 3,
  notFound: 4,
  /** By Ctrl-C at a question, as a shell would say it. */
  interrupted: 130,
} as const
export type Exit = (typeof exits)[keyof typeof exits]

/** What programs read of an end that has no code of the error table. */
export const endCodes: Record<Exit, string> = {
  [exits.ok]: 'ok',
  [exits.negative]: 'refused',
  [exits.usage]: 'usage',
  [exits.unreachable]: 'unreachable',
  [exits.notFound]: 'not_found',
  [exits.interrupted]: 'interrupted',
}

/** An end that is told in words: what was not done and why, and what to do next. */
export class CliError extends Error {
  override name = 'CliError'
  readonly exit: Exit
  readonly next: string | undefined
  /** Code of the error table, where one fits: when the console said no, or for a defect. */
  readonly code: string | undefined

  constructor(exit: Exit, message: string, options: { next?: string | undefined; code?: string | undefined } = {}) {
    super(message)
    this.exit = exit
    this.next = options.next
    this.code = options.code
  }
}
