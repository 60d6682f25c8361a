import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { findGo } from '@countersign/testing'
import { openLog } from '../src/log/open-log.ts'
import { signingKeys } from '../src/log/signing-keys.ts'
import { auditFolder, testRecords } from './harness.ts'

const run = promisify(execFile)
const go = await findGo()

test(
  "I8: the libraries of Go's checksum database verify the log, and find what was changed",
  { skip: go === undefined && 'there is no Go to run the verifier with', timeout: 300_000 },
  async (t) => {
    const folder = await auditFolder(t)
    const log = await openLog({ dir: folder.dir, s3Region: '' }, signingKeys(folder.keyFile, { everyMs: 0 }))
    await log.append(testRecords(300))
    const newer = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
    await writeFile(folder.keyFile, newer + (await readFile(folder.keyFile, 'utf8')))
    await log.append(testRecords(700, 301))
    const root = log.tree('default').root.toString('base64')
    await log.close()

    const dir = join(folder.dir, 'default')
    const program = join(folder.dir, 'verifier')
    await run(go!, ['build', '-o', program, '.'], { cwd: join(import.meta.dirname, 'interop'), timeout: 280_000 })
    const keys = (await readFile(join(dir, 'verifier-keys'), 'utf8')).trim().split('\n')
    const { stdout } = await run(program, [dir, ...keys])
    assert.equal(stdout, `1000 entries, root ${root}, 2 checkpoints kept\n`)
    // The older key alone vouches for all of it while both sign.
    assert.match((await run(program, [dir, keys.at(-1)!])).stdout, /^1000 entries/)

    const bundle = join(dir, 'tile/entries/001')
    const kept = await readFile(bundle)
    await writeFile(bundle, kept.toString('latin1').replace('"tool":"read_file"', '"tool":"drop_file"'), 'latin1')
    await assert.rejects(run(program, [dir, ...keys]), /the entries have root|entry \d+/)
    await writeFile(bundle, kept)
    await writeFile(join(dir, 'checkpoint'), (await readFile(join(dir, 'checkpoint'), 'utf8')).replace('1000', '999'))
    await assert.rejects(run(program, [dir, ...keys]), /invalid signature/)
  },
)
