import { CliError, exits } from './cli-error.ts'
import type { Command, Form } from './command.ts'

/** The words that name a form, the command's among them: those before what it takes. */
export function wordsOf({ usage }: Pick<Form, 'usage'>): string[] {
  const words = usage.split(' ')
  const end = words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word))
  return end < 0 ? words : words.slice(0, end)
}

/**
 * The forms of a command that somebody may mean: those they named with the most words, or where others begin more like what they wrote, these.
 *
 * @param args of the command line, after the command
 */
export function formsMeant({ name, forms }: Command, args: readonly string[]): readonly Form[] {
  const typed = [name, ...args]
  const compared = forms.map((form) => {
    const words = wordsOf(form)
    const differs = words.findIndex((word, place) => word !== typed[place])
    return { form, shared: differs < 0 ? words.length : differs, named: differs < 0 }
  })
  const most = Math.max(...compared.map(({ shared }) => shared))
  const closest = compared.filter(({ shared }) => shared === most)
  const named = closest.filter((each) => each.named)
  return (named.length > 0 ? named : closest).map(({ form }) => form)
}

/** The words that all of some forms begin with. */
export function wordsInCommon(forms: readonly Form[]): string[] {
  const [first = [], ...others] = forms.map(wordsOf)
  const end = first.findIndex((word, place) => others.some((words) => words[place] !== word))
  return end < 0 ? first : first.slice(0, end)
}

/** @throws CliError for an option that the form of the command does not take, so that none is passed over in silence */
export function checkOptions(command: Command, args: readonly string[], given: Iterable<string>): void {
  const meant = formsMeant(command, args)
  const taken = meant.flatMap(({ options }) => options ?? Object.keys(command.options ?? {}))
  for (const option of given) {
    if (!Object.hasOwn(command.options ?? {}, option) || taken.includes(option)) continue
    throw new CliError(exits.usage, `${wordsOf(meant[0]!).join(' ')} takes no --${option}`)
  }
}

/** Forms that somebody may have meant who wrote a word that is no command: one of theirs, or nearly. */
export function formsLike(commands: readonly Command[], word: string): string[] {
  const forms = commands.flatMap((command) => command.forms.map(wordsOf))
  const same = forms.filter((words) => words.includes(word))
  const nearly = forms.filter((words) => words.some((each) => isNearly(each, word)))
  return [...same, ...nearly].map((words) => words.join(' '))
}

/** One letter is missing, too many or another, or two are in the other order. */
function isNearly(word: string, typed: string): boolean {
  let start = 0
  while (start < word.length && word[start] === typed[start]) start += 1
  const [rest, other] = [word.slice(start), typed.slice(start)]
  return (
    rest.slice(1) === other.slice(1) ||
    rest.slice(1) === other ||
    rest === other.slice(1) ||
    (rest[0] === other[1] && rest[1] === other[0] && rest.slice(2) === other.slice(2))
  )
}
