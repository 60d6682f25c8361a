import { stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { ReadFiles } from '@countersign/documents'
import { CliError, exits } from '../cli-error.ts'

/**
 * Reads one policy file, or those of a folder that policy would take up, named as they were typed.
 *
 * @throws CliError when there is nothing to read
 */
export async function readPolicyFiles(path: string, cwd: string): Promise<ReadFiles> {
  // Loaded only here: the rest of the command does without, and starts sooner.
  const { readFiles, readFolder } = await import('@countersign/documents')
  const at = resolve(cwd, path)
  if (!(await isFolder(at, path))) {
    const read = await readFiles(dirname(at), [basename(at)])
    return named(read, () => path)
  }
  const read = await readFolder(at)
  if (read.files.length === 0 && read.problems.length === 0) {
    throw new CliError(exits.usage, `${path} holds no .yaml or .yml file, so there is nothing to check`, {
      next: 'name a policy file, or the folder they lie in',
    })
  }
  return named(read, (file) => (file === '.' ? path : join(path, file)))
}

function named({ files, problems }: ReadFiles, nameOf: (file: string) => string): ReadFiles {
  const rename = <T extends { file: string }>(each: T): T => ({ ...each, file: nameOf(each.file) })
  return { files: files.map(rename), problems: problems.map(rename) }
}

async function isFolder(at: string, path: string): Promise<boolean> {
  try {
    return (await stat(at)).isDirectory()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new CliError(exits.notFound, `there is no file or folder ${path}`, { next: 'look at the path' })
    }
    throw new CliError(exits.usage, `${path} cannot be read: ${(error as Error).message}`)
  }
}
