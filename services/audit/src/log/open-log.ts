import { readdir, readFile } from 'node:fs/promises'
import { defaultLogOwner } from '@countersign/contracts'
import { DirectoryStore, parseBucketUrl, readS3Credentials, S3Store, type Signer, type Store } from '@countersign/tlog'
import { AuditLog } from './audit-log.ts'

/** Where the log is kept, as the settings say it. */
export interface LogPlace {
  dir?: string | undefined
  /** `https://<host>/<bucket>/<prefix>` */
  s3Url?: string | undefined
  s3Region: string
  s3CredentialsFile?: string | undefined
  /** PEM file with the certificates to trust in place of those of the system. */
  s3CaFile?: string | undefined
  /** Begins the name of every log; left out, the product's own. */
  owner?: string
}

/**
 * Opens the audit log of a place, or begins one, and makes this process its writer.
 *
 * @throws Error for settings that name no place, LogBroken for a log that was changed, Fenced when another process writes it
 */
export async function openLog(
  place: LogPlace,
  signers: (origin: string) => Promise<readonly Signer[]>,
): Promise<AuditLog> {
  const store = await openStore(place)
  try {
    // A key that cannot be used is told at start and not with the first record.
    const { owner = defaultLogOwner } = place
    await signers(owner)
    const log = new AuditLog({ store, owner, signers })
    await log.open()
    return log
  } catch (error) {
    await store.close()
    throw error
  }
}

async function openStore({ dir, s3Url, s3Region, s3CredentialsFile, s3CaFile }: LogPlace): Promise<Store> {
  if ((dir === undefined) === (s3Url === undefined)) {
    throw new Error('the audit log needs one place: set either COUNTERSIGN_AUDIT_DIR or COUNTERSIGN_AUDIT_S3_URL')
  }
  if (dir !== undefined) {
    await refuseChainLog(dir)
    return new DirectoryStore(dir)
  }
  return new S3Store({
    ...parseBucketUrl(s3Url!),
    region: s3Region,
    ...(s3CaFile === undefined ? {} : { tls: { ca: await readFile(s3CaFile, 'utf8') } }),
    ...(s3CredentialsFile === undefined ? {} : { credentials: await readS3Credentials(s3CredentialsFile) }),
  })
}

/** The form that the log had before: it is not read any more, and a new log must not begin in the same folder. */
async function refuseChainLog(dir: string): Promise<void> {
  const names = await readdir(dir).catch(() => [])
  const old = names.find((name) => /^segment-\d+\.jsonl$/.test(name))
  if (old === undefined) return
  throw new Error(
    `${dir} holds an audit log in its earlier form, a chain of hashes (${old}). This version writes transparency logs and cannot go ` +
      'on with it: keep that folder as it is, and set COUNTERSIGN_AUDIT_DIR to a new one',
  )
}
