// Writes or checks the wire contract in proto/: `npm run proto`, `npm run proto:check`.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { check } from './check.ts'
import { generate } from './generate.ts'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const mode = process.argv[2]
const generated = generate()

if (mode === '--write') {
  rmSync(join(root, 'proto', 'schemas'), { recursive: true, force: true })
  for (const [file, text] of generated) {
    const path = join(root, 'proto', file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  console.log(`proto: ${generated.size} files written`)
} else if (mode === '--check') {
  const { problems, notes } = check(root, generated)
  for (const note of notes) console.log(`proto: ${note}`)
  for (const problem of problems) console.error(`proto: ${problem}`)
  console.log(`proto: ${generated.size} files checked, ${problems.length} problems`)
  process.exitCode = problems.length === 0 ? 0 : 1
} else {
  console.error('usage: main.ts --write | --check')
  process.exitCode = 2
}
