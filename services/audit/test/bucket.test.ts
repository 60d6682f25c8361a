import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { verbs } from '@countersign/contracts'
import { findVersitygw, makeCertificate, startS3, startTestBus, until } from '@countersign/testing'
import { describeProblem, parseBucketUrl, verifyLog } from '@countersign/tlog'
import { auditFolder, callWriter, readAll, readAudit, startAudit } from './harness.ts'

const s3 = await findVersitygw()

test(
  'I8, I12: audit keeps its log in a bucket, over TLS by an authority of its own, killed and started again',
  { skip: 'none' in s3 && s3.none, timeout: 120_000 },
  async (t) => {
    if ('none' in s3) return
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const certificate = await makeCertificate(dirname(folder.keyFile))
    const { endpoint, bucket, credentials } = await startS3(t, s3.path, certificate)
    const credentialsFile = `${folder.keyFile}.s3`
    await writeFile(credentialsFile, JSON.stringify(credentials))
    const url = `${endpoint}/${bucket}/countersign/audit`
    const settings = {
      COUNTERSIGN_AUDIT_S3_URL: url,
      COUNTERSIGN_AUDIT_S3_CREDENTIALS_FILE: credentialsFile,
      COUNTERSIGN_AUDIT_S3_CA_FILE: certificate.caFile,
      COUNTERSIGN_AUDIT_INDEX_DIR: `${folder.dir}-index`,
    }
    const writer = await callWriter(testBus)
    const [reader, console] = await Promise.all([testBus.connect('audit'), testBus.connect('console')])
    const sizeOf = async () => (await console.callApi(verbs.audit.status, { tenant: 'default' })).size

    const first = await startAudit(t, testBus, folder, settings)
    await Promise.all(Array.from({ length: 150 }, () => writer.request().then((call) => writer.deny(call))))
    await until(async () => (await sizeOf()) > 0, 'some are sealed')
    assert.equal(await first.stop('SIGKILL'), null)
    const second = await startAudit(t, testBus, folder, settings)
    await Promise.all(Array.from({ length: 50 }, () => writer.request().then((call) => writer.deny(call))))
    await until(async () => (await sizeOf()) === 400, 'all is sealed')
    await until(async () => (await reader.consumerLag('CALLS', 'audit')) === 0, 'all is acknowledged')
    assert.equal(await second.stop('SIGTERM'), 0, second.output())

    const tls = { ca: await readFile(certificate.caFile, 'utf8') }
    const found = await verifyLog({ s3: { ...parseBucketUrl(url), credentials, tls } })
    assert.deepEqual(found.problems.map(describeProblem), [])
    assert.deepEqual([found.records, found.calls.ended], [400, 200])
    assert.deepEqual(
      (await readAudit(reader)).map(({ record }) => record.stream.seq),
      (await readAll(reader, 'CALLS')).map(({ seq }) => seq),
    )
  },
)
