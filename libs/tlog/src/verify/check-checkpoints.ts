import { checkpointFile, keptFolder, keptPath, keptSize, verifierKeysFile, witnessedFile } from '../log/files.ts'
import { type Checkpoint, openCheckpoint, readCheckpoint } from '../note/checkpoint.ts'
import { isKeyName, parseVerifierKey, type VerifierKey } from '../note/keys.ts'
import type { Store } from '../store/store.ts'
import type { Problem } from './problem.ts'
import { keysForLog } from './trusted-keys.ts'

/** The newest checkpoint of a tree, and what is known of its keys. */
export interface Vouched {
  checkpoint: Checkpoint
  note: string
  /** Who signed it, of those that are trusted. */
  signedBy: VerifierKey[]
  /** Keys that checkpoints of the tree may be signed with. */
  keys: VerifierKey[]
}

/**
 * Reads the newest checkpoint of a tree.
 *
 * @param trusted keys to trust, for the log that they name, or for every log where they name none; left out, those that lie beside the tree
 * @returns undefined when nothing vouches for the tree, which was told
 */
export async function readNewest(
  store: Store,
  folder: string,
  trusted: readonly VerifierKey[],
  tell: (problem: Problem) => void,
): Promise<Vouched | undefined> {
  const file = folder + checkpointFile
  const note = (await store.read(file))?.toString()
  if (note === undefined) {
    tell({ file, reason: 'it is missing, so nothing vouches for this tree' })
    return undefined
  }
  try {
    const { origin } = readCheckpoint(note)
    if (!isKeyName(origin)) throw new Error(`its origin "${origin}" cannot name a key`)
    const listed = await readListed(store, folder, tell)
    const given = keysForLog(origin, trusted)
    const { signedBy, ...checkpoint } = openCheckpoint(note, given.length > 0 ? given : listed)
    return { checkpoint, note, signedBy, keys: [...given, ...listed] }
  } catch (error) {
    tell({ file, reason: (error as Error).message })
    return undefined
  }
}

/** The keys that lie beside a tree; lines that are none are told of. */
export async function readListed(
  store: Store,
  folder: string,
  tell: (problem: Problem) => void,
): Promise<VerifierKey[]> {
  const file = folder + verifierKeysFile
  const text = (await store.read(file))?.toString() ?? ''
  const keys: VerifierKey[] = []
  for (const [line, key] of text.split('\n').entries()) {
    if (key === '') continue
    try {
      keys.push(parseVerifierKey(key))
    } catch (error) {
      tell({ file, reason: `line ${line + 1}: ${(error as Error).message}` })
    }
  }
  return keys
}

/** A checkpoint beside the newest. */
export interface Kept {
  size: number
  file: string
}

/** The checkpoints that are kept, smallest first: those kept for good, and the newest that witnesses cosigned. */
export async function keptCheckpoints(store: Store, folder: string, tell: (problem: Problem) => void): Promise<Kept[]> {
  const kept = (await store.list(folder + keptFolder)).flatMap((name) => {
    const size = keptSize(name)
    return size === undefined ? [] : [{ size, file: folder + keptPath(size) }]
  })
  const file = folder + witnessedFile
  const witnessed = await store.read(file)
  if (witnessed) {
    try {
      kept.push({ size: readCheckpoint(witnessed.toString()).size, file })
    } catch (error) {
      tell({ file, reason: (error as Error).message })
    }
  }
  return kept.toSorted((a, b) => a.size - b.size)
}

/**
 * Checks a checkpoint that was kept against the tree as it is: what it vouched for is the beginning of it.
 *
 * @param root of the entries up to its size
 * @returns the checkpoint as it was signed; undefined when something is wrong with it, which was told
 */
export async function checkKept(
  store: Store,
  { size, file }: Kept,
  root: Buffer,
  { keys, checkpoint: newest }: Vouched,
  tell: (problem: Problem) => void,
): Promise<string | undefined> {
  try {
    const note = (await store.read(file))!.toString()
    const checkpoint = openCheckpoint(note, keys)
    if (checkpoint.origin !== newest.origin) throw new Error(`it is of another log, ${checkpoint.origin}`)
    if (checkpoint.size !== size) throw new Error(`it is for ${checkpoint.size} entries, and its name says ${size}`)
    if (!checkpoint.root.equals(root)) {
      throw new Error(`it is not consistent with the tree: it was signed over other ${size} entries than are here`)
    }
    return note
  } catch (error) {
    tell({ file, reason: (error as Error).message })
    return undefined
  }
}
