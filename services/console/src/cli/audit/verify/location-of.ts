import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { StoreLocation } from '@countersign/tlog'
import { CliError, exits } from '../../cli-error.ts'
import { bucketAccess } from '../../config.ts'
import { storeTrouble } from './store-trouble.ts'

/**
 * The store of a folder or of the URL of a bucket; undefined for a file.
 *
 * @throws CliError for what is not there
 */
export async function locationOf(named: string, cwd: string): Promise<StoreLocation | undefined> {
  if (/^https?:\/\//.test(named)) {
    const { parseBucketUrl } = await import('@countersign/tlog')
    try {
      return { s3: { ...parseBucketUrl(named), ...bucketAccess() } }
    } catch (error) {
      throw error instanceof CliError ? error : new CliError(exits.usage, (error as Error).message)
    }
  }
  const path = resolve(cwd, named)
  try {
    return (await stat(path)).isDirectory() ? { dir: path } : undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM') throw storeTrouble(error as Error)
    throw new CliError(exits.notFound, `there is no folder or file ${named}`)
  }
}
