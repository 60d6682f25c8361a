// Writes the generated parts of the documentation (`npm run docs`), or checks them (`--check`).
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { betweenMarkers } from './between-markers.ts'
import { errorPage } from './error-page.ts'
import { missingPaths } from './missing-paths.ts'
import { readSettings, settingsTable } from './settings-table.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const check = process.argv[2] === '--check'
const problems: string[] = []

/** Writes or compares one page, formatted as the formatter would. */
async function settle(page: string, text: string): Promise<void> {
  const path = join(root, page)
  const wanted = await format(text, { ...(await resolveConfig(path)), parser: 'markdown' })
  const present = existsSync(path) ? readFileSync(path, 'utf8') : undefined
  if (present === wanted) return
  if (check) problems.push(`${page} is not what the code says; run "npm run docs" and commit what it writes`)
  else {
    writeFileSync(path, wanted)
    console.log(`docs: ${page} written`)
  }
}

await settle('docs/errors.md', errorPage())

const { settings, problems: unreadable } = await readSettings(root)
problems.push(...unreadable)
try {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  await settle('README.md', betweenMarkers(readme, 'settings', settingsTable(settings)))
} catch (error) {
  problems.push(`README.md: ${(error as Error).message}`)
}

// What people follow from file to file must lead somewhere.
for (const page of ['docs/path-of-a-call.md', 'docs/pins.md', 'CONTRIBUTING.md']) {
  const path = join(root, page)
  if (!existsSync(path)) problems.push(`${page} is missing`)
  else
    for (const missing of missingPaths(root, readFileSync(path, 'utf8')))
      problems.push(`${page} names ${missing}, which does not exist`)
}

for (const problem of problems) console.error(`docs: ${problem}`)
console.log(`docs: ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
