import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { moveSample } from './move-sample.ts'
import { root } from './options.ts'

test('R14: the sample server takes another port when somebody else has its own, unless its document was changed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-sample-'))
  t.after(() => rm(folder, { recursive: true }))
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const file = join(folder, 'everything.yaml')
  const sample = await readFile(join(root, 'deploy', 'local', 'samples', 'servers', 'everything.yaml'), 'utf8')
  const [asCopied, changed] = [
    sample.replaceAll('__everythingPort__', String(port)),
    `# mine\nspec:\n  port: ${port}\n`,
  ]
  const said: string[] = []
  const moved = async (text: string) => {
    await writeFile(file, text)
    await moveSample(folder, (line) => said.push(line))
    return readFile(file, 'utf8')
  }
  assert.equal(await moved(changed), changed)
  const after = await moved(asCopied)
  assert.notEqual(after, asCopied)
  const [, now] = /^ +port: (\d+)$/m.exec(after)!
  assert.equal(after, sample.replaceAll('__everythingPort__', now!))
  assert.deepEqual(said, [
    `port ${port} is taken by another program, so the sample server everything listens on ${now} now`,
  ])
  other.close()
  await once(other, 'close')
  assert.equal(await moved(asCopied), asCopied, 'its port is free')
  await rm(file)
  await moveSample(folder, (line) => said.push(line))
  assert.equal(said.length, 1, 'it was removed')
})
