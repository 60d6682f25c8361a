import { rename, rm } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { SealedRecord } from '@countersign/contracts'
import { auditFilters } from '../audit/filters.ts'
import { indexBehind } from '../audit/index-behind.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import type { Client } from '../connect/client.ts'
import { checkArguments, type Invocation, oneOf } from '../command.ts'
import type { RecordWriter } from '../audit/export/record-writer.ts'
import { tellNotInLog } from '../audit/nothing-found.ts'
import { count } from '../output/times.ts'

const formats = ['jsonl', 'csv', 'parquet'] as const
const pageSize = 1000
/** A console or an audit that is replaced meanwhile is back within this time. */
const retryMs = [1000, 3000, 10_000]

interface Page {
  records: SealedRecord[]
  next?: string
  size?: number
  indexed?: number
}

/**
 * `countersign audit export --format FORMAT --out FILE`: writes what the log has to a file, newest first, a page at a time. The
 * file appears under its name when it is whole.
 */
export async function auditExport(invocation: Invocation): Promise<Exit> {
  const { args, option, out, where } = invocation
  checkArguments(args, 1, 1, 'audit export')
  const file = option('out')
  if (file === undefined) throw new CliError(exits.usage, 'audit export: --out FILE is missing')
  const format = oneOf(option('format') ?? extname(file).slice(1), formats, '--format, or how FILE ends,')
  const client = await invocation.client('operator')
  const filters = await auditFilters(invocation, client)
  const path = resolve(where.cwd, file)
  const part = `${path}.part`
  const writer = await openWriter(format, part)
  let records = 0
  let coverage: Pick<Page, 'size' | 'indexed'> = {}
  try {
    for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
      const page = await pageOf(client, { ...filters, cursor })
      if (first) coverage = page
      await writer.write(page.records)
      records += page.records.length
      cursor = page.next
      out.progress(`${count(records, 'record')}, ${share(page, coverage)} % of the log looked at`)
    }
    await writer.finish()
    await writer.close()
    await rename(part, path)
  } catch (error) {
    await writer.close().catch(() => {})
    await rm(part, { force: true })
    throw error
  }
  const { size, indexed } = coverage
  if (out.forPrograms) out.json({ file, format, records, size, indexed })
  out.line(`${file}: ${count(records, 'record')}`)
  if (records === 0) await tellNotInLog(out, client, filters)
  const behind = indexBehind(coverage)
  if (behind !== undefined) out.line({ text: behind, style: 'warn' })
  return exits.ok
}

async function openWriter(format: (typeof formats)[number], path: string): Promise<RecordWriter> {
  try {
    if (format === 'parquet') return await (await import('../audit/export/write-parquet.ts')).writeParquet(path)
    const { writeCsv, writeJsonl } = await import('../audit/export/write-text.ts')
    return await (format === 'csv' ? writeCsv(path) : writeJsonl(path))
  } catch (error) {
    throw new CliError(exits.usage, `${path} cannot be written: ${(error as Error).message}`)
  }
}

async function pageOf(client: Client, query: Record<string, string | undefined>): Promise<Page> {
  for (let tries = 0; ; tries++) {
    try {
      return await client.get<Page>('/audit/records', { ...query, limit: pageSize, purpose: 'export' })
    } catch (error) {
      const passes = error instanceof CliError && error.exit === exits.unreachable && error.code !== 'unauthenticated'
      if (!passes || tries === retryMs.length) throw error
      await setTimeout(retryMs[tries])
    }
  }
}

/** Of the log, newest first, what lies behind a page; in percent. */
function share({ records, next }: Page, { indexed = 0 }: Pick<Page, 'indexed'>): number {
  const last = records.at(-1)?.index
  return next === undefined || last === undefined || indexed === 0
    ? 100
    : Math.floor(((indexed - last) / indexed) * 100)
}
