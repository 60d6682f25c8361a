/** What a tool server gets of our own environment; everything else it must be given by its document. */
const passedOn = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TMPDIR', 'SHELL'] as const

/** The environment of a tool server: the few variables every program needs, and those that its document sets. */
export function childEnv(
  own: Record<string, string | undefined>,
  more: Record<string, string>,
): Record<string, string> {
  const few = passedOn.flatMap((name) => (own[name] === undefined ? [] : [[name, own[name]] as const]))
  return { ...Object.fromEntries(few), ...more }
}
