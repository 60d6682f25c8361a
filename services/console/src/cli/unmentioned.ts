/** What is wrong with a server that no policy matches. */
export const unmentioned = 'no policy mentions it, so every call is denied'

/** What to do about it. */
export function mentionIt(server: string): string {
  return `put a ToolPolicy into .countersign/policies/ whose spec.match.servers has ${server}`
}
