import type { ExportedRecord } from '../open-entry.ts'
import { ecsOf } from './ecs-of.ts'
import { ocsfOf } from './ocsf-of.ts'

/** A record as the JSON of a format; `json` is the sealed record with its id. */
export function formatted(format: 'json' | 'ocsf' | 'ecs', record: ExportedRecord): string {
  if (format === 'json') return `{"id":${JSON.stringify(record.id)},${record.text.slice(1)}`
  return JSON.stringify(format === 'ocsf' ? ocsfOf(record) : ecsOf(record))
}
