import { existsSync } from 'node:fs'
import { join } from 'node:path'

const folders = ['services', 'libs', 'deploy', 'docs', 'proto', 'test']

/**
 * Files and folders of the repository that a page names in backticks and that do not exist. Patterns (`*`, `<name>`) are passed over.
 *
 * @param root the repository's folder
 */
export function missingPaths(root: string, page: string): string[] {
  const named = [...page.matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!)
  const paths = named.filter((text) => folders.includes(text.split('/')[0]!) && /^[\w@.-]+(\/[\w@.-]*)+$/.test(text))
  return [...new Set(paths)].filter((path) => !existsSync(join(root, path)))
}
