import { readFileSync } from 'node:fs'
import { CliError, exits } from './cli-error.ts'

/** What the command takes from the environment. */
export interface CliEnvironment {
  consoleUrl: string | undefined
  token: string | undefined
  /** https://no-color.org: any value turns colour off. */
  noColor: boolean
}

/** Reads the environment; empty variables count as unset. */
export function cliEnvironment(): CliEnvironment {
  const { COUNTERSIGN_CONSOLE_URL, COUNTERSIGN_TOKEN, NO_COLOR } = process.env
  return {
    consoleUrl: COUNTERSIGN_CONSOLE_URL || undefined,
    token: COUNTERSIGN_TOKEN || undefined,
    noColor: Boolean(NO_COLOR),
  }
}

/** Whose requests to a bucket are signed, and for which region, by the variables that tools for S3 have in common. */
export interface BucketAccess {
  region?: string
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  tls?: { ca: string }
}

/**
 * Reads the environment; without a key and its secret, requests are not signed.
 *
 * @throws CliError when the file of certificates cannot be read
 */
export function bucketAccess(): BucketAccess {
  const {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
    AWS_CA_BUNDLE: caFile,
  } = process.env
  return {
    ...(region ? { region } : {}),
    ...(caFile ? { tls: { ca: readCertificates(caFile) } } : {}),
    ...(accessKeyId && secretAccessKey
      ? { credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } }
      : {}),
  }
}

function readCertificates(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code
    throw new CliError(exits.usage, `AWS_CA_BUNDLE names ${file}, which cannot be read: ${why}`)
  }
}
