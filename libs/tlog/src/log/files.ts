/** The newest checkpoint of a tree (C2SP tlog-tiles). */
export const checkpointFile = 'checkpoint'
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

/** Where content that is too large for an entry lies beside the tree. */
export function contentPath(sha256Hex: string): string {
  return `content/${sha256Hex.slice(0, 2)}/${sha256Hex}`
}
