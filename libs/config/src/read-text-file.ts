import { constants, open } from 'node:fs/promises'

/** Codes that people meet, in words. */
const reasons: Record<string, string> = {
  EACCES: 'this service may not read it (EACCES); look at its permissions',
  EISDIR: 'it is a folder (EISDIR)',
  ELOOP: 'it is a link that leads back to itself (ELOOP)',
  ENOENT: 'it is not there, or a link to what is not there (ENOENT)',
}

/**
 * Reads a text file that people put somewhere. Only files are read: a pipe would be waited for and a device read for ever.
 *
 * @param maxBytes larger ones are refused before they are read
 * @throws Error with the reason in words, to be put after the name of the file
 */
export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  // Without waiting: opening a pipe waits until somebody writes to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(refuse)
  try {
    const info = await file.stat()
    if (!info.isFile())
      throw new Error(info.isDirectory() ? reasons['EISDIR'] : 'it is not a file, but a pipe or a device')
    if (info.size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`)
    const bytes = await file.readFile().catch(refuse)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw error instanceof TypeError ? new Error('it is not UTF-8 text') : error
  } finally {
    await file.close()
  }
}

function refuse(error: NodeJS.ErrnoException): never {
  throw new Error(reasons[error.code ?? ''] ?? error.code ?? error.message, { cause: error })
}
