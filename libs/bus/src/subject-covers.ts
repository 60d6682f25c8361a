/** Whether a subject is one that a subscription to `pattern` is for. */
export function subjectCovers(pattern: string, subject: string): boolean {
  const [parts, tokens] = [pattern.split('.'), subject.split('.')]
  const open = parts.at(-1) === '>'
  if (open ? tokens.length < parts.length : tokens.length !== parts.length) return false
  return parts.every((part, place) => part === '*' || (part === '>' && open) || part === tokens[place])
}
