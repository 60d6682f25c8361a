import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { openKeyDatabase, openKeyEncryptionKeys, SubjectKeys } from '@countersign/subject-keys'
import { startTestBus, until } from '@countersign/testing'
import { RetentionFile } from '../src/erasure/retention-file.ts'
import { auditFolder, startAudit } from './harness.ts'
import { personalSettings } from './personal.ts'

const documentOf = (keep: string) =>
  `apiVersion: countersign.dev/v1alpha1\nkind: AuditRetention\nmetadata: { name: r }\nspec: { default: { arguments: ${keep} } }\n`

test('R30: while the retention file is broken everything is kept, also what it had a time for before', async (t) => {
  const path = join((await auditFolder(t)).dir, '..', 'retention.yaml')
  const told: string[] = []
  const file = new RetentionFile(path, {
    onProblem: (problem) => told.push(problem),
    onMended: () => told.push('mended'),
  })
  t.after(() => file.stop())
  const keepsOf = async () => (await file.read()).spec.default
  await file.start()
  assert.match(told.shift()!, /retention\.yaml cannot be used: ENOENT/)
  assert.deepEqual(await keepsOf(), {})
  writeFileSync(path, documentOf('30d'))
  assert.deepEqual([await keepsOf(), told.shift()], [{ arguments: '30d' }, 'mended'])
  writeFileSync(path, documentOf('three'))
  // It is looked at without being asked for.
  await until(() => told.length === 1, 'the problem is told')
  assert.match(told.shift()!, /line 4, column \d+: .*must be a whole number of days/)
  assert.deepEqual(await keepsOf(), {})
  writeFileSync(path, documentOf('60d'))
  await until(() => told.length === 1, 'it is taken up')
  assert.deepEqual([await keepsOf(), told], [{ arguments: '60d' }, ['mended']])
})

test(
  'R30: audit starts with a broken retention file, says so, and erases nothing by age',
  { timeout: 60_000 },
  async (t) => {
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const settings = await personalSettings(folder)
    const keysDir = settings['COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR']!
    const path = join(dirname(folder.dir), 'retention.yaml')
    const withFile = { ...settings, COUNTERSIGN_AUDIT_RETENTION_FILE: path }
    // Content of an age for which any time is over.
    const keks = await openKeyEncryptionKeys(settings['COUNTERSIGN_AUDIT_SUBJECT_KEK_FILE']!)
    const first = openKeyDatabase(keysDir)
    const keys = new SubjectKeys(first, keks)
    keys.keyFor({ tenant: 'default', subject: 'ann', kind: 'arguments', period: '2020-01' })
    keys.persist()
    first.close()
    const left = () => {
      const database = openKeyDatabase(keysDir)
      const { length } = new SubjectKeys(database, keks).ofSubject('default', 'ann')
      database.close()
      return length
    }
    writeFileSync(path, documentOf('three'))
    const audit = await startAudit(t, testBus, folder, withFile)
    assert.match(audit.output(), /retention\.yaml cannot be used: line 4.*no content is erased by its age/)
    assert.doesNotMatch(audit.output(), /stays in force/)
    // Good, and without a time that could be over: a round may come while it is in force.
    writeFileSync(path, documentOf('forever'))
    await until(() => /how long content is kept is known again/.test(audit.output()), 'it is taken up')
    writeFileSync(path, 'spec: [')
    await until(() => /not valid YAML.*no content is erased by its age/.test(audit.output()), 'the log says so')
    assert.equal(await audit.stop('SIGTERM'), 0, audit.output())
    assert.equal(left(), 1)
    writeFileSync(path, documentOf('30d'))
    const again = await startAudit(t, testBus, folder, withFile)
    await until(() => /content was over its time and is erased/.test(again.output()), 'it is erased')
    assert.equal(await again.stop('SIGTERM'), 0)
    assert.equal(left(), 0)
  },
)
