import { count } from '../output/times.ts'

/** What people are told when an answer does not cover all of the log. */
export function indexBehind({ size, indexed }: { size?: number; indexed?: number }): string | undefined {
  if (size === undefined || indexed === undefined || indexed >= size) return undefined
  return `the index is ${count(size - indexed, 'record')} behind: what was sealed last is not in this answer yet`
}
