import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { findVersitygw, startS3 } from '@countersign/testing'
import { DirectoryStore } from '../src/store/directory-store.ts'
import { S3Store } from '../src/store/s3-store.ts'
import type { Store } from '../src/store/store.ts'

/** Opens a store as another process would: over the same files, with nothing in common in memory. */
export type OpenStore = () => Store

const s3 = await findVersitygw()

/** Runs a test once a driver, each over an empty store: what holds for one must hold for all. */
export function testStores(name: string, run: (t: TestContext, open: OpenStore) => Promise<void>): void {
  test(`directory: ${name}`, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'countersign-tlog-'))
    t.after(() => rm(dir, { recursive: true, force: true }))
    await run(t, () => new DirectoryStore(join(dir, 'log')))
  })
  test(`S3: ${name}`, { skip: 'none' in s3 && s3.none }, async (t) => {
    if ('none' in s3) return
    const options = await startS3(t, s3.path)
    await run(t, () => new S3Store({ ...options, prefix: 'audit/' }))
  })
}
