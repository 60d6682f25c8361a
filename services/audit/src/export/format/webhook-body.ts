import type { ExportTarget } from '@countersign/contracts'
import type { ExportedRecord } from '../open-entry.ts'
import { cloudEventOf } from './cloud-event-of.ts'
import { formatted } from './formatted.ts'

type Format = Extract<ExportTarget, { type: 'webhook' }>['format']

/**
 * The body of a webhook: CloudEvents as a batch of their own content type, all else in the envelope that Standard Webhooks
 * recommends.
 */
export function webhookBody(
  format: Format,
  records: readonly ExportedRecord[],
  nowMs: number,
): { body: Buffer; contentType: string } {
  if (format === 'cloudevents') {
    const body = Buffer.from(`[${records.map((record) => JSON.stringify(cloudEventOf(record))).join(',')}]`)
    return { body, contentType: 'application/cloudevents-batch+json' }
  }
  const list = records.map((record) => formatted(format, record)).join(',')
  const timestamp = new Date(nowMs).toISOString()
  const body = `{"type":"audit.records","timestamp":"${timestamp}","data":{"format":"${format}","records":[${list}]}}`
  return { body: Buffer.from(body), contentType: 'application/json' }
}
