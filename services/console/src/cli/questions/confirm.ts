import { ask } from './ask.ts'
import { CliError, exits } from '../cli-error.ts'

/**
 * Has a person write a word before something is done that should not be done by mistake.
 *
 * @param why they are asked, as a sentence
 * @throws CliError when they write something else, or when nobody is there to be asked
 */
export async function confirm(why: string, question: string, word: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new CliError(exits.usage, `${why}, and nobody is there to be asked`, {
      next: 'if it is meant, say it again with --yes',
    })
  }
  process.stderr.write(`${why}.\n`)
  const answer = await ask({ input: process.stdin, output: process.stderr }, question, 'nothing was done')
  if (answer !== word)
    throw new CliError(exits.negative, 'nothing was done: what was written is not what was asked for')
}
