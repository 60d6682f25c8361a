import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { launch } from './launch.ts'
import { stateLayout } from './state.ts'

/** A state of its own, and a launch over it that has not begun. */
async function launchOver(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-launch-'))
  t.after(() => rm(dir, { recursive: true }))
  const stateDir = join(dir, 'state')
  const ports = { gateway: 0, console: 0, nats: 0, everything: 0 }
  /** A folder in the way of the new file: the list of users cannot be written any more. */
  const inTheWay = `${stateLayout(stateDir).users}.new`
  return {
    dir,
    inTheWay,
    layout: stateLayout(stateDir),
    start: () => launch({ fresh: false, stateDir, ports }, () => {}),
  }
}

/** Has the launcher find a nats-server that does this when it is asked for its version, and is none. */
async function insteadOfNats(t: TestContext, dir: string, script: string): Promise<void> {
  const path = join(dir, 'no-nats-server')
  await writeFile(path, `#!/bin/sh\n${script}\nexit 1\n`, { mode: 0o700 })
  const before = process.env['COUNTERSIGN_NATS_SERVER']
  process.env['COUNTERSIGN_NATS_SERVER'] = path
  t.after(() => {
    if (before === undefined) delete process.env['COUNTERSIGN_NATS_SERVER']
    else process.env['COUNTERSIGN_NATS_SERVER'] = before
  })
}

test('a launcher that cannot write the list of users leaves no mark that it runs', async (t) => {
  const { dir, inTheWay, layout, start } = await launchOver(t)
  await insteadOfNats(t, dir, '')
  await assert.rejects(start(), /COUNTERSIGN_NATS_SERVER cannot be used/)
  assert.doesNotMatch(await readFile(layout.users, 'utf8'), /launcher/)
  await mkdir(inTheWay)
  await assert.rejects(start(), { code: 'EISDIR' })
  assert.ok(!existsSync(layout.pid))
})

test('nor does one that cannot take its user out of the list again', async (t) => {
  const { dir, inTheWay, layout, start } = await launchOver(t)
  await insteadOfNats(t, dir, `mkdir '${inTheWay}'`)
  await assert.rejects(start(), /COUNTERSIGN_NATS_SERVER cannot be used/, 'what went wrong first is what is said')
  assert.match(await readFile(layout.users, 'utf8'), /launcher/)
  assert.ok(!existsSync(layout.pid))
})
