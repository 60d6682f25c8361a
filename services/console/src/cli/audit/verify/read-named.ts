import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CliError, type Exit, exits } from '../../cli-error.ts'

const whys: Record<string, string> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there',
  EISDIR: 'is a folder',
  EACCES: 'may not be read by you',
  EPERM: 'may not be read by you',
}

/**
 * Reads a file that somebody named.
 *
 * @param what it has to be, in words
 * @throws CliError when it cannot be read
 */
export async function readNamed(
  named: string,
  cwd: string,
  what: string,
  exit: Exit = exits.notFound,
): Promise<string> {
  try {
    return await readFile(resolve(cwd, named), 'utf8')
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const why = whys[code]
    throw new CliError(exit, `${what}: ${why === undefined ? message : `${named} ${why}`}`)
  }
}
