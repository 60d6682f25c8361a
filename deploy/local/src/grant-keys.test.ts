import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { rotateGrantKey } from './grant-keys.ts'
import { stateLayout } from './state.ts'

async function firstKey(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'grant-keys-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const layout = stateLayout(dir)
  mkdirSync(dirname(layout.grantKey), { recursive: true })
  await rotateGrantKey(layout, true)
  return {
    layout,
    known: () => readFileSync(layout.grantPublicKeys, 'utf8'),
    inUse: () =>
      createPublicKey(readFileSync(layout.grantKey)).export({ type: 'spki', format: 'pem' }).toString().trim(),
  }
}

test('several rotations in a row keep the keys that grants in flight may be signed with, and not all for ever', async (t) => {
  const { layout, known, inUse } = await firstKey(t)
  const used = [inUse()]
  for (let rotation = 0; rotation < 6; rotation++) {
    await rotateGrantKey(layout)
    used.push(inUse())
    for (const key of used.slice(-5)) assert.ok(known().includes(key))
  }
  assert.equal(known().match(/BEGIN/g)?.length, 5)
  await rotateGrantKey(layout, true)
  assert.equal(known().trim(), inUse())
})

test('rotations that died before the private key was replaced do not drop the key in use', async (t) => {
  const { layout, known, inUse } = await firstKey(t)
  const privateKey = readFileSync(layout.grantKey)
  const key = inUse()
  for (let rotation = 0; rotation < 6; rotation++) {
    await rotateGrantKey(layout)
    assert.ok(known().includes(key) && known().includes(inUse()))
    writeFileSync(layout.grantKey, privateKey)
  }
})
