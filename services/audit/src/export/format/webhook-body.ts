import type { ExportTarget } from '@countersign/contracts'
import type { ExportedRecord } from '../open-entry.ts'
import { formatted } from './formatted.ts'
import { fitted } from './without-content.ts'

type Told = Pick<Extract<ExportTarget, { type: 'webhook' }>, 'format' | 'body' | 'maxRecordBytes'>

/**
 * The body of a webhook: the envelope that Standard Webhooks recommends, a JSON array, or JSON Lines. CloudEvents are an array where
 * nothing else is said, which is a batch of their own content type. The same records have the same body.
 */
export function webhookBody(
  { format, body: kind = format === 'cloudevents' ? 'array' : 'envelope', maxRecordBytes }: Told,
  records: readonly ExportedRecord[],
): { body: Buffer; contentType: string } {
  const told = records.map((record) => fitted(record, maxRecordBytes, (each) => formatted(format, each)))
  switch (kind) {
    case 'ndjson':
      return { body: Buffer.from(`${told.join('\n')}\n`), contentType: 'application/x-ndjson' }
    case 'array': {
      const contentType = format === 'cloudevents' ? 'application/cloudevents-batch+json' : 'application/json'
      return { body: Buffer.from(`[${told.join(',')}]`), contentType }
    }
    case 'envelope': {
      const data = `{"format":"${format}","records":[${told.join(',')}]}`
      const { storedAt } = records.at(-1)!.sealed.record
      const body = `{"type":"audit.records","timestamp":"${storedAt}","data":${data}}`
      return { body: Buffer.from(body), contentType: 'application/json' }
    }
  }
}
