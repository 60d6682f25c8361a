import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, openAsBlob, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { unpackFolder } from './unpack-folder.ts'

/** Paths and contents of a folder. */
function contentOf(dir: string) {
  const paths = readdirSync(dir, { recursive: true, encoding: 'utf8' }).toSorted()
  return paths.map((path) => [path, statSync(join(dir, path)).isFile() ? readFileSync(join(dir, path)) : undefined])
}

test('a folder is unpacked as it was packed, files of every size, also empty ones', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'countersign-unpack-'))
  t.after(() => rmSync(root, { recursive: true }))
  const [packed, archive] = [join(root, 'packed'), join(root, 'archive.tgz')]
  mkdirSync(join(packed, 'base', '5'), { recursive: true })
  mkdirSync(join(packed, 'empty'))
  for (const bytes of [0, 1, 511, 512, 513, 1024, 70_000, 1_000_000])
    writeFileSync(join(packed, bytes % 2 ? 'base' : 'base/5', String(bytes)), randomBytes(bytes))
  execFileSync('tar', ['-czf', archive, '-C', packed, '.'])
  const unpacked = join(root, 'unpacked')
  await unpackFolder(await openAsBlob(archive), unpacked)
  assert.deepEqual(contentOf(unpacked), contentOf(packed))

  const half = gunzipSync(readFileSync(archive)).subarray(0, 1_000_000)
  await assert.rejects(unpackFolder(new Blob([gzipSync(half)]), join(root, 'half')), /ends in the middle of a file/)
})
