import { setPriority } from 'node:os'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { dataDir as preparedFolder } from '@electric-sql/pglite-prepopulatedfs'

// Linux gives each thread a priority of its own: on a busy machine calls and sealing go first, and the index catches up.
if (process.platform === 'linux') setPriority(10)

/** A query for the worker, and what comes back. */
export interface Asked {
  sql: string
  parameters: unknown[]
}
export type Answered =
  | { ok: true; rows: unknown[]; affectedRows: number | undefined }
  | { ok: false; message: string; code: string | undefined }

// Postgres blocks the thread it runs in, so it has one of its own. One query at a time; the first answer says that it is open.
const { dataDir, parameters } = workerData as { dataDir: string; parameters: string[] }
const port = parentPort!
const answer = (message: Answered) => port.postMessage(message)

try {
  // A new folder is unpacked: preparing one takes three seconds of processor time.
  const isNew = !existsSync(join(dataDir, 'PG_VERSION'))
  const database = await PGlite.create({
    dataDir,
    ...(isNew ? { loadDataDir: await preparedFolder() } : {}),
    // Later settings win over its own defaults.
    startParams: [...PGlite.defaultStartParams, ...parameters.flatMap((parameter) => ['-c', parameter])],
  })
  port.on('message', (asked: Asked | 'close') => void serve(database, asked))
  answer({ ok: true, rows: [], affectedRows: undefined })
} catch (error) {
  answer(failure(error))
}

async function serve(database: PGlite, asked: Asked | 'close'): Promise<void> {
  try {
    if (asked === 'close') {
      await database.close()
      answer({ ok: true, rows: [], affectedRows: undefined })
      port.close()
      return
    }
    const { rows, affectedRows } = await database.query(asked.sql, asked.parameters)
    answer({ ok: true, rows, affectedRows })
  } catch (error) {
    answer(failure(error))
  }
}

function failure(error: unknown): Answered {
  const { message, code } = error as Error & { code?: unknown }
  return { ok: false, message, code: typeof code === 'string' ? code : undefined }
}
