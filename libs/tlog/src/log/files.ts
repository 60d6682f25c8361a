/** The newest checkpoint of a tree (C2SP tlog-tiles). */
export const checkpointFile = 'checkpoint'
/** The newest checkpoint that witnesses cosigned; a tree that grows all the time has none under `checkpoint` for long. */
export const witnessedFile = 'witnessed-checkpoint'
/** Every key that signed checkpoints of the tree, newest first, one a line. */
export const verifierKeysFile = 'verifier-keys'
/** Checkpoints that are kept for good, one file each, named by their size. */
export const keptFolder = 'checkpoints'

const sizeDigits = 15

/** Where a checkpoint of some size is kept. */
export function keptPath(size: number): string {
  return `${keptFolder}/${String(size).padStart(sizeDigits, '0')}`
}

/** The size a kept checkpoint is of, by its file's name; undefined for another file. */
export function keptSize(name: string): number | undefined {
  return new RegExp(`^\\d{${sizeDigits}}$`).test(name) ? Number(name) : undefined
}

/** True for the path of a checkpoint in a store: the newest, one that witnesses cosigned, one that is kept. */
export function isCheckpointPath(path: string): boolean {
  const [folder, name = ''] = path.split('/').slice(-2)
  return (
    [checkpointFile, witnessedFile].includes(path.slice(path.lastIndexOf('/') + 1)) ||
    (folder === keptFolder && keptSize(name) !== undefined)
  )
}

/**
 * Where content that is too large for an entry lies beside the tree.
 *
 * @param digest `sha256:` and 64 hex digits
 * @throws Error for anything else: what a log says is not followed to files outside of it
 */
export function contentPath(digest: string): string {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? []
  if (hex === undefined) throw new Error(`"${digest.slice(0, 100)}" is not the digest of content`)
  return `content/${hex.slice(0, 2)}/${hex}`
}
