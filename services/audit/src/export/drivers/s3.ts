import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { ExportTarget } from '@countersign/contracts'
import { parseBucketUrl, readS3Credentials, S3Store, senderOf } from '@countersign/tlog'
import type { Driver } from '../driver.ts'
import { formatted } from '../format/formatted.ts'
import type { ExportedRecord } from '../open-entry.ts'
import { readTls } from '../tls-files.ts'

type S3Target = Extract<ExportTarget, { type: 's3' }>

const compress = promisify(gzip)
const digits = 12

/** Writes each batch as an object of JSON Lines, gzipped; the same batch is the same object, however often it is written. */
export function s3(target: S3Target): Driver {
  return {
    partitionOf: dayOf,
    async send({ tenant, records }, signal) {
      const [first, last] = [records[0]!, records.at(-1)!]
      const lines = records.map((record) => `${formatted(target.format, record)}\n`).join('')
      const run = [first, last].map(({ index }) => String(index).padStart(digits, '0')).join('-')
      const place = parseBucketUrl(target.url)
      const dispatch = senderOf(place.endpoint, readTls(target.tls))
      const store = new S3Store({
        ...place,
        region: target.region,
        // Read each time, so that they can be replaced.
        credentials: await readS3Credentials(target.credentialsFile),
        // We wait ourselves, and longer.
        retryDelaysMs: [],
        send(request) {
          const init = { redirect: 'manual', signal: AbortSignal.any([request.signal, signal]) } as const
          return dispatch(new Request(request, init))
        },
      })
      const path = `${tenant}/${dayOf(first).replaceAll('-', '/')}/${run}.jsonl.gz`
      await store.write([{ path, bytes: await compress(lines) }])
      return undefined
    },
    close() {},
  }
}

/** The day on which an event was stored, in UTC: a folder of the archive. */
function dayOf({ sealed: { record } }: ExportedRecord): string {
  return record.storedAt.slice(0, 10)
}
