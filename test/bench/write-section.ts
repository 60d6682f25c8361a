import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'

const page = fileURLToPath(new URL('../../docs/performance.md', import.meta.url))

/**
 * Replaces what stands between two comments of `docs/performance.md`.
 *
 * @throws Error when the page has no such place
 */
export async function writeSection(what: string, command: string, text: string): Promise<void> {
  const [begin, end] = [`<!-- ${what}: written by ${command} -->`, `<!-- end of ${what} -->`]
  const before = readFileSync(page, 'utf8')
  const [from, to] = [before.indexOf(begin), before.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${page} has no place for ${what}: put "${begin}" and "${end}" there`)
  const after = `${before.slice(0, from)}${begin}\n\n${text}\n${before.slice(to)}`
  writeFileSync(page, await format(after, { ...(await resolveConfig(page)), filepath: page }))
}
