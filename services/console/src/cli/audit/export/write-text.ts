import { open } from 'node:fs/promises'
import type { SealedRecord } from '@countersign/contracts'
import { exportColumns } from './columns.ts'
import { csvLine } from './csv-line.ts'
import type { RecordWriter } from './record-writer.ts'

/** Writes JSON Lines: each the record with its place in the log, as the API answers it. */
export function writeJsonl(path: string): Promise<RecordWriter> {
  return writeText(path, '', (sealed) => `${JSON.stringify(sealed)}\n`)
}

/** Writes CSV with a line of headings. */
export function writeCsv(path: string): Promise<RecordWriter> {
  const head = csvLine(exportColumns.map(({ name }) => name))
  const verbatim = (place: number) => exportColumns[place]!.verbatim === true
  return writeText(path, head, (sealed) =>
    csvLine(
      exportColumns.map(({ value }) => value(sealed)),
      verbatim,
    ),
  )
}

async function writeText(path: string, head: string, lineOf: (sealed: SealedRecord) => string): Promise<RecordWriter> {
  const file = await open(path, 'w', 0o600)
  // A write alone may take a part of it, as on a disk that is nearly full.
  const write = (text: string) => file.writeFile(text)
  await write(head)
  return {
    write: (records) => write(records.map(lineOf).join('')),
    finish: () => file.sync(),
    close: () => file.close(),
  }
}
