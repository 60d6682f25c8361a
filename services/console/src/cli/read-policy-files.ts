import { readdir, readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { CliError, exits } from './cli-error.ts'

const maxFiles = 200
const maxBytes = 1024 * 1024

/**
 * Reads one policy file, or all `.yaml` and `.yml` files of a folder, named as they were typed.
 *
 * @throws CliError when there is nothing to read, or too much
 */
export async function readPolicyFiles(path: string, cwd: string): Promise<{ file: string; text: string }[]> {
  const names = await filesAt(path, cwd)
  if (names.length === 0) throw new CliError(exits.usage, `${path} holds no .yaml or .yml file`)
  if (names.length > maxFiles)
    throw new CliError(exits.usage, `${path} holds ${names.length} files; ${maxFiles} can be checked at once`)
  return Promise.all(
    names.map(async (file) => {
      const text = await readFile(resolve(cwd, file), 'utf8')
      if (Buffer.byteLength(text) > maxBytes)
        throw new CliError(exits.usage, `${file} is over 1 MiB, which no policy document may be`)
      return { file, text }
    }),
  )
}

async function filesAt(path: string, cwd: string): Promise<string[]> {
  try {
    if (!(await stat(resolve(cwd, path))).isDirectory()) return [path]
    const names = await readdir(resolve(cwd, path))
    return names
      .filter((name) => /\.ya?ml$/.test(name))
      .toSorted()
      .map((name) => join(path, name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new CliError(exits.notFound, `there is no file or folder ${path}`)
    throw new CliError(exits.usage, `${path} cannot be read: ${(error as Error).message}`)
  }
}
