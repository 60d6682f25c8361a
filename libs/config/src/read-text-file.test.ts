import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readTextFile } from './read-text-file.ts'

test('R33: what is no file that can be read is refused with its reason, and nobody waits for it', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'texts-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const at = (name: string) => join(dir, name)
  mkdirSync(at('folder'))
  symlinkSync(at('nothing'), at('dangling'))
  symlinkSync(at('loop'), at('loop'))
  symlinkSync('/dev/zero', at('endless'))
  execFileSync('mkfifo', [at('pipe')])
  writeFileSync(at('latin1'), Buffer.from([0x61, 0xff]))
  writeFileSync(at('good'), 'ä: 1')
  const reasons: [name: string, reason: RegExp][] = [
    ['folder', /^it is a folder/],
    ['dangling', /^it is not there, or a link to what is not there/],
    ['loop', /^it is a link that leads back to itself/],
    ['endless', /^it is not a file, but a pipe or a device/],
    ['pipe', /^it is not a file, but a pipe or a device/],
    ['latin1', /^it is not UTF-8 text/],
  ]
  for (const [name, message] of reasons) await assert.rejects(readTextFile(at(name), 100), { message }, name)
  assert.equal(await readTextFile(at('good'), 5), 'ä: 1')
  await assert.rejects(readTextFile(at('good'), 4), { message: 'it is larger than 4 bytes' })
  chmodSync(at('good'), 0)
  // Root may read everything.
  if (process.getuid?.() !== 0) await assert.rejects(readTextFile(at('good'), 5), { message: /EACCES/ })
})
