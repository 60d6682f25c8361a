import type { ExportedRecord } from '../open-entry.ts'
import { cloudEventOf } from './cloud-event-of.ts'
import { ecsOf } from './ecs-of.ts'
import { ocsfOf } from './ocsf-of.ts'
import { eventOf } from './without-content.ts'

/** How a record is told; `json` is the sealed record with its id. */
export type Format = 'json' | 'cloudevents' | 'ocsf' | 'ecs'

/** A record as the JSON of a format. */
export function formatted(format: Format, record: ExportedRecord): string {
  switch (format) {
    case 'json': {
      const cut = eventOf(record) ? '' : '"cut":true,'
      return `{"id":${JSON.stringify(record.id)},${cut}${record.text.slice(1)}`
    }
    case 'cloudevents':
      return JSON.stringify(cloudEventOf(record))
    case 'ocsf':
      return JSON.stringify(ocsfOf(record))
    case 'ecs':
      return JSON.stringify(ecsOf(record))
  }
}
