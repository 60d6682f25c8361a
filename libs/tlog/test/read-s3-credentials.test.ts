import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readS3Credentials } from '@countersign/tlog'

test('credentials of a bucket are read whole; of a file that is broken nothing is quoted', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-credentials-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const path = join(dir, 'credentials.json')
  const credentials = { accessKeyId: 'id', secretAccessKey: 'hunter2', sessionToken: 'token' }
  await writeFile(path, JSON.stringify({ ...credentials, more: 1 }))
  assert.deepEqual(await readS3Credentials(path), credentials)
  const message = `${path} is not JSON with accessKeyId and secretAccessKey`
  for (const text of ['{"secretAccessKey":"hunter2",}', 'hunter2', 'null', '{"accessKeyId":"id"}', '']) {
    await writeFile(path, text)
    await assert.rejects(readS3Credentials(path), { message })
  }
})
