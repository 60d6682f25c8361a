import { stat } from 'node:fs/promises'

/**
 * A mark of a file as it is now, cheap to compare: another one, after something of it changed. Who may read it can change, and its time
 * can be set back by who keeps times when copying, and neither shows but in ctime; what took its place whole shows in its inode.
 *
 * @throws Error of the file system when it cannot be looked at
 */
export async function fileMark(path: string): Promise<string> {
  const { mtimeNs, ctimeNs, size, ino } = await stat(path, { bigint: true })
  return `${mtimeNs}:${ctimeNs}:${size}:${ino}`
}
