import type { IndexDatabase } from './index-database.ts'

/** Where the index is kept, as the settings say it. */
export interface IndexPlace {
  dir?: string | undefined
  url?: string | undefined
  passwordFile?: string | undefined
  /** The folder of the log; beside it is where the index goes when nothing else is said. */
  logDir?: string | undefined
}

/** What opening works with. */
interface Told {
  onDiscarded: (reason: string) => void
  onProblem: (error: Error) => void
}

/**
 * Decides where the index is kept: a Postgres server, or a folder with an embedded one.
 *
 * @returns how to open it
 * @throws Error for settings that name no place or two, or have a password in the URL
 */
export function indexPlace(
  { dir, url, passwordFile, logDir }: IndexPlace,
  told: Told,
): { kind: IndexDatabase['kind']; open: (signal: AbortSignal) => Promise<IndexDatabase> } {
  if (url !== undefined) {
    if (dir !== undefined) {
      throw new Error(
        'the index needs one place: set either COUNTERSIGN_AUDIT_INDEX_DIR or COUNTERSIGN_AUDIT_INDEX_URL',
      )
    }
    if (new URL(url).password !== '') {
      throw new Error(
        'COUNTERSIGN_AUDIT_INDEX_URL has a password, which shows in the environment: put it into a file and name that in COUNTERSIGN_AUDIT_INDEX_PASSWORD_FILE',
      )
    }
    const open = async () => (await import('./open-postgres.ts')).openPostgres(url, passwordFile, told.onProblem)
    return { kind: 'postgres', open }
  }
  const folder = dir ?? (logDir === undefined ? undefined : `${logDir.replace(/\/+$/, '')}-index`)
  if (folder === undefined) {
    throw new Error(
      'the log is in a bucket, so its index needs a place: set COUNTERSIGN_AUDIT_INDEX_DIR (a folder) or COUNTERSIGN_AUDIT_INDEX_URL (Postgres)',
    )
  }
  const open = async (signal: AbortSignal) =>
    (await import('./open-pglite.ts')).openPGlite(folder, signal, told.onDiscarded)
  return { kind: 'embedded', open }
}
