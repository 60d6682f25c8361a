/**
 * The embedded Postgres (PGlite) as a process of its own, which audit starts: `node pglite-main.ts <folder> first|again
 * [parameter=value]…`. Postgres blocks the thread it runs in, and has no other way to be stopped than to end it. It answers one query after the other over the channel
 * to audit; the first answer says that it is open.
 */
import { setPriority } from 'node:os'
import { PGliteFolder } from './pglite-folder.ts'

/** A query, or what to do last. */
export type Asked = { sql: string; parameters: unknown[] } | 'close' | 'discard'

/** What a query came to. */
export interface Rows {
  ok: true
  rows: unknown[]
  affectedRows: number | undefined
}

/** The database is open. */
export interface Opened {
  ok: true
  /** There was none in the folder. */
  isNew: boolean
}

export type Answered =
  | Rows
  | Opened
  | { ok: false; message: string; code: string | undefined }
  /** What was in the folder was given up; the answer is still to come. */
  | { discarded: string }

// On a busy machine calls and sealing go first, and the index catches up.
setPriority(10)
// Ctrl-C reaches it too; audit ends it when it has closed the index.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
process.once('disconnect', () => process.exit())
// It went while this was being loaded.
if (!process.connected) process.exit()

const [dir, time, ...parameters] = process.argv.slice(2)
const answer = (message: Answered) => process.send!(message)
const nothing: Rows = { ok: true, rows: [], affectedRows: undefined }

try {
  const folder = await PGliteFolder.claim(dir!, parameters, (discarded) => answer({ discarded }))
  if (time === 'first') await folder.distrustAfterReboot()
  const isNew = await folder.prepare()
  await folder.open()
  process.on('message', (asked: Asked) => void serve(folder, asked))
  answer({ ok: true, isNew })
} catch (error) {
  answer(failure(error))
}

async function serve(folder: PGliteFolder, asked: Asked): Promise<void> {
  try {
    if (asked === 'close') await folder.close()
    else if (asked === 'discard') await folder.discard()
    else {
      const { rows, affectedRows } = await folder.query(asked.sql, asked.parameters)
      return void answer({ ok: true, rows, affectedRows })
    }
    answer(nothing)
  } catch (error) {
    answer(failure(error))
  }
}

function failure(error: unknown): Answered {
  const { message, code } = error as Error & { code?: unknown }
  return { ok: false, message, code: typeof code === 'string' ? code : undefined }
}
