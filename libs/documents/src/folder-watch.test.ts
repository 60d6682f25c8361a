import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { until } from '@countersign/testing'
import { FolderWatch } from './folder-watch.ts'
import type { ReadFiles } from './read-folder.ts'

/** A folder that is followed, and what was taken up of it. */
async function watched(t: TestContext, { failing = () => false, writing = () => false }) {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-watch-'))
  const [taken, problems]: [string[], string[]] = [[], []]
  let [quiet, tries] = [0, 0]
  const write = (text: string) => writeFile(join(dir, 'a.yaml'), text)
  const watch = new FolderWatch({
    dir,
    everyMs: 5,
    take: ({ files, problems: found }: ReadFiles) => {
      tries += 1
      if (failing()) return Promise.reject(new Error('not now'))
      taken.push([...files.map(({ text }) => text), ...found.map(({ message }) => message)].join(' '))
      return Promise.resolve(taken.length)
    },
    async onNothingNew() {
      quiet += 1
      if (writing()) await write('x'.repeat(quiet))
    },
    onProblem: (error) => problems.push((error as Error).message),
  })
  t.after(async () => {
    await watch.stop()
    await rm(dir, { recursive: true, force: true })
  })
  return { dir, watch, taken, problems, quiet: () => quiet, tries: () => tries, write }
}

test('R5: a folder is taken up when it looks the same twice, and only when it changed', async (t) => {
  let writing = false
  const { dir, watch, taken, quiet, write } = await watched(t, { writing: () => writing })
  await write('one')
  assert.equal(await watch.takeNow(), 1)
  watch.follow()
  await until(() => quiet() > 3, 'looks find nothing new')
  assert.deepEqual(taken, ['one'])
  await write('two')
  await until(() => taken.length === 2, 'the change is taken up')
  // As long as it is written to between looks, it is never the same twice.
  writing = true
  const before = quiet()
  await until(() => quiet() > before + 10, 'it is written to')
  assert.equal(taken.length, 2)
  writing = false
  await until(() => taken.length === 3, 'the last state is taken up')
  await rm(dir, { recursive: true })
  await until(() => /cannot be read: ENOENT/.test(taken.at(-1)!), 'a folder that went away is told to who takes it up')
})

test('R15: what could not be taken up is tried again and told once, and nothing is taken up after the end', async (t) => {
  let failing = true
  const { watch, taken, problems, tries, write } = await watched(t, { failing: () => failing })
  await write('one')
  await assert.rejects(watch.takeNow(), /not now/)
  watch.follow()
  await until(() => tries() > 3, 'it is tried again')
  assert.deepEqual([taken, problems], [[], []], 'who took it up at once was told already')
  failing = false
  await until(() => taken.length === 1, 'it is taken up')
  failing = true
  await write('broken')
  const before = tries()
  await until(() => tries() > before + 3, 'it is tried again')
  assert.deepEqual(problems, ['not now'])
  failing = false
  await until(() => taken.length === 2, 'it is taken up')
  await watch.stop()
  const count = taken.length
  await write('two')
  await watch.stop()
  assert.equal(taken.length, count)
})
