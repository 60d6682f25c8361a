import type { SealedRecord } from '@countersign/contracts'
import type { LogEntry } from '../log/log.ts'

/** A record as exports send it. */
export interface ExportedRecord {
  /** The same for the same record, always: `audit.<tenant>.<index>`, as in the header `Nats-Msg-Id` on `AUDIT`. */
  id: string
  tenant: string
  index: number
  sealed: SealedRecord
  /** The JSON of `sealed`; where something was opened in it, it is not what the leaf hash is of. */
  text: string
}

/** Makes the record that is sent out of an entry of the log. @param open opens what was sealed encrypted; left out, it stays so */
export function openEntry({ tenant, index, text }: LogEntry, open?: (text: string) => SealedRecord): ExportedRecord {
  const id = `audit.${tenant}.${index}`
  const sealed = open ? open(text) : (JSON.parse(text) as SealedRecord)
  const isOpened = open !== undefined && 'encrypted' in sealed.record
  return { id, tenant, index, sealed, text: isOpened ? JSON.stringify(sealed) : text }
}
