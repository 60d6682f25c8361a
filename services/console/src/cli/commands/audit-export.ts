import { rename, rm, stat } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { readPages } from '../audit/export/read-pages.ts'
import type { RecordWriter } from '../audit/export/record-writer.ts'
import { auditFilters } from '../audit/filters.ts'
import { indexBehind } from '../audit/index-behind.ts'
import { tellNotInLog } from '../audit/nothing-found.ts'
import type { Page } from '../audit/pages.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import { checkArguments, type Invocation, oneOf } from '../command.ts'
import { progressOn } from '../output/progress.ts'
import { count } from '../output/times.ts'

/** What ends an export before its time; a terminal that was closed is told with the last. */
const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const formats = ['jsonl', 'csv', 'parquet'] as const
type Format = (typeof formats)[number]

/** What came of an export: how many records, and how much of the log they are about. */
interface Exported extends Pick<Page, 'size' | 'indexed'> {
  records: number
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
  const path = resolve(where.cwd, file)
  await checkPlace(path, file)
  const client = await invocation.client('operator')
  const filters = await auditFilters(invocation, client)
  const interrupted = new AbortController()
  const interrupt = () => interrupted.abort()
  // Whoever is impatient says it more than once: what is left of the file is taken away nevertheless.
  for (const ending of endings) process.on(ending, interrupt)
  const progress = progressOn(process.stderr)
  let exported: Exported
  try {
    const onSilence = (why: string, waitMs: number) => progress.show(`${why}; asked again in ${waitMs / 1000} s`)
    const pages = readPages(client, filters, { onSilence, signal: interrupted.signal })
    exported = await writeAll(pages, { format, path, file }, { show: progress.show, signal: interrupted.signal })
  } finally {
    progress.end()
    for (const ending of endings) process.off(ending, interrupt)
  }
  const { records, size, indexed } = exported
  if (out.forPrograms) out.json({ file, format, records, size, indexed })
  out.line(`${file}: ${count(records, 'record')}`)
  if (records === 0) await tellNotInLog(out, client, filters)
  const behind = indexBehind(exported)
  if (behind !== undefined) out.line({ text: behind, style: 'warn' })
  return exits.ok
}

/** Before anything is asked: an export takes long, and is put in its place at the very end. */
async function checkPlace(path: string, file: string): Promise<void> {
  const there = await stat(path).catch(() => undefined)
  if (!there || there.isFile()) return
  throw new CliError(
    exits.usage,
    there.isDirectory()
      ? `audit export: ${file} is a folder; name a file in it`
      : `audit export: ${file} is no file, and an export takes the place of what is there; name a file`,
  )
}

/** Writes pages as they come, and puts the file in its place when it is whole; else nothing of it is left. */
async function writeAll(
  pages: AsyncIterable<Page>,
  { format, path, file }: { format: Format; path: string; file: string },
  { show, signal }: { show: (text: string) => void; signal: AbortSignal },
): Promise<Exported> {
  const part = `${path}.part`
  const writing = <T>(work: () => Promise<T>) => inWords(file, work)
  const writer = await writing(() => openWriter(format, part))
  let records = 0
  let coverage: Pick<Page, 'size' | 'indexed'> | undefined
  try {
    for await (const page of pages) {
      coverage ??= page
      await writing(() => writer.write(page.records))
      records += page.records.length
      signal.throwIfAborted()
      show(`${count(records, 'record')}, ${share(page, coverage)} % of the log looked at`)
    }
    signal.throwIfAborted()
    await writing(async () => {
      await writer.finish()
      await writer.close()
      await rename(part, path)
    })
  } catch (error) {
    await writer.close().catch(() => {})
    await rm(part, { force: true })
    throw signal.aborted ? new CliError(exits.interrupted, `interrupted: ${file} was not written`) : error
  }
  const { size, indexed } = coverage ?? {}
  return { records, ...(size === undefined ? {} : { size }), ...(indexed === undefined ? {} : { indexed }) }
}

async function openWriter(format: Format, path: string): Promise<RecordWriter> {
  if (format === 'parquet') return (await import('../audit/export/write-parquet.ts')).writeParquet(path)
  const { writeCsv, writeJsonl } = await import('../audit/export/write-text.ts')
  return format === 'csv' ? writeCsv(path) : writeJsonl(path)
}

/** @throws CliError for what the disk, the folder or the rights to it do not allow */
async function inWords<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    throw new CliError(exits.usage, `${file} cannot be written: ${(error as Error).message}`)
  }
}

/** Of the log, newest first, what lies behind a page; in percent. */
function share({ records, next }: Page, { indexed = 0 }: Pick<Page, 'indexed'>): number {
  const last = records.at(-1)?.index
  return next === undefined || last === undefined || indexed === 0
    ? 100
    : Math.floor(((indexed - last) / indexed) * 100)
}
