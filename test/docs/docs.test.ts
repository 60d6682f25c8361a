import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { errorTable } from '@countersign/contracts'
import { betweenMarkers } from './between-markers.ts'
import { errorPage } from './error-page.ts'
import { missingPaths } from './missing-paths.ts'
import { readSettings, settingsTable } from './settings-table.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

test('R4: the page of errors has one row a code, and says which of them reach the model', () => {
  const rows = errorPage()
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  assert.equal(rows.length, Object.keys(errorTable).length)
  for (const code of Object.keys(errorTable))
    assert.equal(rows.filter((row) => row.startsWith(`| \`${code}\` |`)).length, 1, code)
  assert.ok(rows.includes('| `policy` | A policy rule denies the call, or none allows it. | no | tool result | 403 |'))
  assert.ok(rows.includes('| `parse_error` | The body is not JSON. | no | -32700 | 400 |'))
})

test('R4: settings that all services share stand once and first', () => {
  const row = (variable: string) => ({ variable, default: 'x', description: 'd' })
  const table = settingsTable([
    { service: 'a', rows: [row('OWN'), row('SHARED')] },
    { service: 'b', rows: [row('SHARED'), { ...row('PATH'), default: 'required', description: 'this | that' }] },
  ])
  assert.deepEqual(table.split('\n').slice(2), [
    '| `SHARED` | all | `x` | d |',
    '| `OWN` | a | `x` | d |',
    '| `PATH` | b | required | this \\| that |',
  ])
})

test('R4: every setting of every service says what it is for', async () => {
  const { settings, problems } = await readSettings(root)
  assert.deepEqual(problems, [])
  assert.ok(settings.length > 0)
  for (const { service, rows } of settings) {
    for (const { variable, description } of rows) assert.notEqual(description, '', `${service} ${variable}`)
  }
})

test('R4: a service whose settings cannot be read is named', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'docs-'))
  t.after(() => rmSync(dir, { recursive: true }))
  mkdirSync(join(dir, 'services', 'odd', 'src'), { recursive: true })
  writeFileSync(join(dir, 'services', 'odd', 'src', 'config.ts'), 'export const settings = {}\n')
  const { settings, problems } = await readSettings(dir)
  assert.deepEqual(settings, [])
  assert.match(problems[0]!, /services\/odd\/src\/config\.ts exports no zod object named Settings/)
})

test('R4: only what stands between the markers is replaced, and missing markers are an error', () => {
  assert.equal(
    betweenMarkers('a\n<!-- settings -->\nold\n<!-- /settings -->\nb', 'settings', 'new'),
    'a\n<!-- settings -->\n\nnew\n\n<!-- /settings -->\nb',
  )
  for (const page of ['a', '<!-- settings -->', '<!-- /settings --><!-- settings -->']) {
    assert.throws(() => betweenMarkers(page, 'settings', 'new'), /must be there once/, page)
  }
})

test('R4: a path in backticks that leads nowhere is found, other code is not taken for one', () => {
  const page =
    '`libs/bus/src/bus.ts` `libs/nowhere.ts` `services/audit/src/` `libs/*/src` `npm run docs` `a/b` `libs`\n```\nlibs/x.ts\n```'
  assert.deepEqual(missingPaths(root, page), ['libs/nowhere.ts'])
})

test('R4: the layers that CONTRIBUTING.md names are libraries', () => {
  const [, layers = ''] =
    /The layers are `services → ([^`]+)`/.exec(readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')) ?? []
  const named = layers.split(/ → |, /)
  assert.deepEqual(
    named.toSorted(),
    readdirSync(join(root, 'libs'))
      .filter((name) => name !== 'testing')
      .toSorted(),
  )
})
