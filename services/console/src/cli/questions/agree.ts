import { ask } from './ask.ts'
import { CliError, exits } from '../cli-error.ts'
import type { Invocation } from '../command.ts'

/** Whether somebody is asked before something is done: not without a terminal, not where a program reads (`--json`), not with `--yes`. */
export function isAsked({ flag, out, terminal }: Pick<Invocation, 'flag' | 'out' | 'terminal'>): boolean {
  return terminal !== undefined && !out.forPrograms && !flag('yes')
}

/**
 * Has the person at the terminal agree before something is done. Where nobody can be asked (no terminal, `--json`), and with
 * `--yes`, it is taken as agreed.
 *
 * @param otherwise what is not done without a yes, in words
 * @throws CliError unless the answer is yes
 */
export async function agree(
  invocation: Pick<Invocation, 'flag' | 'out' | 'terminal'>,
  question: string,
  otherwise: string,
): Promise<void> {
  const { out, terminal } = invocation
  if (!terminal || !isAsked(invocation)) return
  out.line()
  const answer = await ask(terminal, `${question} [y/N]`, otherwise)
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError(exits.negative, otherwise)
}
