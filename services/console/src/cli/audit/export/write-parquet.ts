import { writeFile } from 'node:fs/promises'
import type { SealedRecord } from '@countersign/contracts'
import { fileWriter, ParquetWriter } from 'hyparquet-writer'
import { type ExportColumn, exportColumns } from './columns.ts'
import type { RecordWriter } from './record-writer.ts'

/** Rows that are held until they are written as one group. */
const groupRows = 5000

type Schema = ConstructorParameters<typeof ParquetWriter>[0]['schema']

const physical = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  whole: { type: 'INT64' },
  number: { type: 'DOUBLE' },
  time: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
  boolean: { type: 'BOOLEAN' },
} as const

/** Writes Parquet, compressed with Snappy; every column may be null. */
export async function writeParquet(path: string): Promise<RecordWriter> {
  await writeFile(path, '', { mode: 0o600 })
  const schema: Schema = [
    { name: 'records', num_children: exportColumns.length },
    ...exportColumns.map(({ name, type }) => ({ name, repetition_type: 'OPTIONAL' as const, ...physical[type] })),
  ]
  const writer = new ParquetWriter({ writer: fileWriter(path), schema, createdBy: 'countersign' })
  let rows: SealedRecord[] = []
  const flush = async () => {
    const columnData = exportColumns.map((column) => ({
      name: column.name,
      data: rows.map((row) => valueOf(column, row)),
      // Kept in memory until the end otherwise.
      offsetIndex: false,
    }))
    if (rows.length > 0) await writer.write({ columnData, rowGroupSize: groupRows })
    rows = []
  }
  return {
    async write(records) {
      rows.push(...records)
      if (rows.length >= groupRows) await flush()
    },
    async finish() {
      await flush()
      await writer.finish()
    },
    close: () => Promise.resolve(),
  }
}

function valueOf({ type, value }: ExportColumn, sealed: SealedRecord): unknown {
  const found = value(sealed)
  if (found === undefined) return null
  if (type === 'whole') return BigInt(found)
  return type === 'time' ? new Date(String(found)) : found
}
