import { type Logger, pino } from 'pino'

export type { Logger }

/** Members that never reach a log line, wherever they appear (I9). */
const secretMembers = ['authorization', 'token', 'password', 'secret', 'apiKey', 'cookie']

/**
 * The logger of a service: one JSON object a line on standard error.
 *
 * @param name the service's name, in every line
 * @param level the least severe level written
 */
export function createLogger(name: string, level: string): Logger {
  return pino(
    {
      name,
      level,
      redact: {
        paths: secretMembers.flatMap((member) => [member, `*.${member}`, `*.*.${member}`]),
        censor: '[secret]',
      },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    pino.destination({ dest: 2, sync: true }),
  )
}
