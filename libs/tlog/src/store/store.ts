/** A file of a log, by its path below the log's folder: `/` between parts, no leading one. */
export interface StoreFile {
  path: string
  bytes: Uint8Array
}

/** Where logs are kept: a folder, a bucket. What it has acknowledged survives power failure. */
export interface Store {
  /** For people: the folder, or the URL of the bucket. */
  readonly place: string
  /** Undefined for a file that is not there. */
  read(path: string): Promise<Buffer | undefined>
  /**
   * Reads `length` bytes of a file from a byte on; fewer where it ends before, undefined for one that is not there.
   */
  readPart(path: string, offset: number, length: number): Promise<Buffer | undefined>
  /** Writes files, each whole or not at all, in any order; resolves when all are durable. */
  write(files: readonly StoreFile[]): Promise<void>
  /** Reads a file with its version, for `swap`. */
  readVersion(path: string): Promise<{ bytes: Buffer; version: string } | undefined>
  /**
   * Writes a file if it still has a version (undefined: if it is not there); resolves to its new version when it is durable.
   *
   * @throws Fenced when somebody else has written it
   */
  swap(path: string, bytes: Uint8Array, version: string | undefined): Promise<string>
  /** Names directly under a folder, sorted; those of folders end in `/`. */
  list(folder: string): Promise<string[]>
  /** Removes a folder with the files directly in it; whether that survives a power failure is left open. */
  removeFolder(path: string): Promise<void>
  /**
   * Makes this process the one that writes, as far as the store can.
   *
   * @throws Fenced when another one is
   */
  claim(): Promise<void>
  close(): Promise<void>
}

/** Thrown to a writer when another one writes the same log: of two, one goes on. */
export class Fenced extends Error {
  override name = 'Fenced'
}
