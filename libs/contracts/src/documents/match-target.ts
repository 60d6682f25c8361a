/** Makes the test for a list of names in which `*` stands for any characters; no list matches everything. */
export function matchTarget(patterns: readonly string[] | undefined): (name: string) => boolean {
  if (!patterns) return () => true
  const expressions = patterns.map((pattern) => new RegExp(`^${pattern.split('*').map(escape).join('.*')}$`, 's'))
  return (name) => expressions.some((expression) => expression.test(name))
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
}
