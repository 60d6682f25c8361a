import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import type { Readable } from 'node:stream'
import { CliError, exits } from '../cli-error.ts'
import type { Sink } from '../output/output.ts'

/** Where a person can be asked. */
export interface Terminal {
  input: Readable
  output: Sink
}

/**
 * Asks the person at the terminal for one line.
 *
 * @param otherwise what is not done without an answer, in words
 * @returns the line; empty when they end it with Ctrl-D, or the terminal goes away
 * @throws CliError when they interrupt it with Ctrl-C
 */
export async function ask({ input, output }: Terminal, question: string, otherwise: string): Promise<string> {
  const line = createInterface({ input, output, terminal: true })
  try {
    const interrupted = once(line, 'SIGINT').then(() => {
      throw new CliError(exits.interrupted, `interrupted: ${otherwise}`)
    })
    const closed = once(line, 'close').then(() => undefined)
    const answered = line.question(`${question} `).catch(() => closed)
    const answer = await Promise.race([answered, closed, interrupted]).catch((error: unknown) => {
      output.write('\n')
      throw error
    })
    if (answer === undefined) output.write('\n')
    return answer ?? ''
  } finally {
    line.close()
  }
}
