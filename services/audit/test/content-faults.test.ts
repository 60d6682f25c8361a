import assert from 'node:assert/strict'
import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { verbs } from '@countersign/contracts'
import { databaseFile } from '@countersign/subject-keys'
import { startTestBus, until } from '@countersign/testing'
import { auditFolder, callWriter, startAudit } from './harness.ts'
import { personalSettings } from './personal.ts'

test(
  'R28, R33: audit says what is wrong with its keys on disk, those of checkpoints among them, and its retention file while it still runs, and what to do',
  { timeout: 60_000 },
  async (t) => {
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const settings = await personalSettings(folder)
    const retention = join(dirname(folder.dir), 'retention.yaml')
    const document = `apiVersion: countersign.dev/v1alpha1\nkind: AuditRetention\nmetadata: { name: r }\nspec: { default: { arguments: 30d } }\n`
    writeFileSync(retention, document)
    await startAudit(t, testBus, folder, { ...settings, COUNTERSIGN_AUDIT_RETENTION_FILE: retention })
    const console = await testBus.connect('console')
    const status = () => console.callApi(verbs.audit.status, { tenant: 'default' })
    const says = async (problem: RegExp, remedy: RegExp) =>
      until(async () => {
        const { faults } = await status()
        // They are the platform's files: whoever operates another tenant has no business with where they lie.
        assert.deepEqual((await console.callApi(verbs.audit.status, { tenant: 'elsewhere' })).faults, [])
        return faults.some((fault) => problem.test(`${fault.what}: ${fault.problem}`) && remedy.test(fault.remedy))
      }, String(problem))
    const well = () => until(async () => (await status()).faults.length === 0, 'nothing is wrong')
    // Something is encrypted, so a key is needed.
    const writer = await callWriter(testBus)
    await writer.deny(await writer.request({ principal: 'ann' }))
    await until(async () => (await status()).size === 2, 'it is sealed')
    await well()

    writeFileSync(retention, document.replace('30d', 'three'))
    await says(/^retention file: .*line 4.*no content is erased by its age/, /correct it/)
    writeFileSync(retention, document)
    await well()

    const signing = readFileSync(folder.keyFile, 'utf8')
    writeFileSync(folder.keyFile, 'no key')
    const broken = /^key of checkpoints: .*has no PEM private key; .*signed with the keys read last, .*will not start/
    await says(broken, /the key that signed so far in it: .*read again within seconds/)
    renameSync(folder.keyFile, `${folder.keyFile}.away`)
    await says(/^key of checkpoints: .*key\.pem cannot be used: ENOENT/, /mend the file/)
    writeFileSync(folder.keyFile, signing)
    await well()

    const keysDir = settings['COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR']!
    chmodSync(keysDir, 0o755)
    await says(/^subject keys: .* has mode 755, so others may read the keys/, /^chmod 700 /)
    chmodSync(keysDir, 0o700)
    await well()

    const path = join(keysDir, databaseFile)
    renameSync(path, `${path}.away`)
    await says(/^subject keys: .* is not there any more; .*is lost/, /from a backup/)
    writeFileSync(path, '')
    await says(/is another file than the one that audit opened/, /from a backup/)
    renameSync(`${path}.away`, path)
    await well()

    const kekFile = settings['COUNTERSIGN_AUDIT_SUBJECT_KEK_FILE']!
    const kek = readFileSync(kekFile, 'utf8')
    writeFileSync(kekFile, 'no key')
    await says(/^subject keys: .*line 1 is no key; .*those read before stay in force/, /put it back/)
    writeFileSync(kekFile, `${randomBytes(32).toString('base64')}\n`)
    await says(
      /^subject keys: .* does not have the key [0-9a-f]{16}, which \d+ keys? of subjects need/,
      /as a further line/,
    )
    writeFileSync(kekFile, kek)
    await well()
  },
)
