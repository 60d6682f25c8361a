import { writeFile } from 'node:fs/promises'
import type { SealedRecord } from '@countersign/contracts'
import { fileWriter, ParquetWriter } from 'hyparquet-writer'
import { type ExportColumn, exportColumns } from './columns.ts'
import type { RecordWriter } from './record-writer.ts'

/** Rows that are held until they are written as one group: at most so many, or so many characters, whichever is first. */
const groupRows = 5000
const groupLength = 32 * 1024 * 1024
/** Of the least and the greatest of a column in a group. */
const maxStatisticsBytes = 64

type Schema = ConstructorParameters<typeof ParquetWriter>[0]['schema']

const physical = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  whole: { type: 'INT64' },
  number: { type: 'DOUBLE' },
  time: {
    type: 'INT64',
    // What older readers look at says nothing of UTC to some of them.
    converted_type: 'TIMESTAMP_MILLIS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
  },
  boolean: { type: 'BOOLEAN' },
} as const

/** Writes Parquet, compressed with Snappy; every column may be null. */
export async function writeParquet(path: string): Promise<RecordWriter> {
  await writeFile(path, '', { mode: 0o600 })
  const schema: Schema = [
    { name: 'records', num_children: exportColumns.length },
    ...exportColumns.map(({ name, type }) => ({ name, repetition_type: 'OPTIONAL' as const, ...physical[type] })),
  ]
  const writer = new ParquetWriter({
    ...{ writer: fileWriter(path), schema, createdBy: 'countersign' },
    statisticsTruncateLength: maxStatisticsBytes,
  })
  // Values and not records: what no column has is not held.
  let columns: unknown[][] = exportColumns.map(() => [])
  let length = 0
  const flush = async () => {
    const columnData = exportColumns.map(({ name }, place) => ({
      ...{ name, data: columns[place]! },
      // Kept in memory until the end otherwise; nobody looks for an event by the least and the greatest there are.
      offsetIndex: false,
      statistics: name !== 'data',
    }))
    if (columns[0]!.length > 0) await writer.write({ columnData, rowGroupSize: groupRows })
    columns = exportColumns.map(() => [])
    length = 0
  }
  return {
    async write(records) {
      for (const record of records) {
        for (const [place, column] of exportColumns.entries()) {
          const value = valueOf(column, record)
          columns[place]!.push(value)
          if (typeof value === 'string') length += value.length
        }
        if (columns[0]!.length >= groupRows || length >= groupLength) await flush()
      }
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
