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
}

/** Reads the environment; without a key and its secret, requests are not signed. */
export function bucketAccess(): BucketAccess {
  const {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = process.env
  return {
    ...(region ? { region } : {}),
    ...(accessKeyId && secretAccessKey
      ? { credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } }
      : {}),
  }
}
