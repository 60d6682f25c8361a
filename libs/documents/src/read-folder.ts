import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileMark, readTextFile } from '@countersign/config'
import { type DocumentProblem, maxDocumentBytes } from '@countersign/contracts'
import type { DocumentFile } from './parse-documents.ts'

const maxFiles = 200
/** All of them travel as one value of the bucket. */
const maxTotalBytes = 4 * 1024 * 1024

/** The state of a folder's files of documents, cheap to compare: names, sizes, times. */
export async function folderSignature(dir: string): Promise<string> {
  try {
    const marks = await Promise.all(
      (await documentFileNames(dir)).map(async (name) => {
        // Of one that cannot be looked at the others can still change.
        const mark = await fileMark(join(dir, name)).catch((error: NodeJS.ErrnoException) => error.code)
        return `${name}\t${mark}`
      }),
    )
    return marks.join('\n')
  } catch (error) {
    return `unreadable: ${(error as NodeJS.ErrnoException).code}`
  }
}

/** What reading found: the texts, and what could not be read. */
export interface ReadFiles {
  files: DocumentFile[]
  problems: DocumentProblem[]
}

/** Reads a folder's files of documents (`*.yaml`, `*.yml`, none below it, none hidden), sorted by name. */
export async function readFolder(dir: string): Promise<ReadFiles> {
  try {
    return await readFiles(dir, await documentFileNames(dir))
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message
    return { files: [], problems: [problem('.', `the folder cannot be read: ${why}`)] }
  }
}

/** Reads files of a folder by their names, as many and as large as are taken up. */
export async function readFiles(dir: string, names: readonly string[]): Promise<ReadFiles> {
  if (names.length > maxFiles) {
    return { files: [], problems: [problem('.', `there are ${names.length} files; ${maxFiles} are allowed`)] }
  }
  const files: DocumentFile[] = []
  const problems: DocumentProblem[] = []
  let total = 0
  for (const file of names) {
    try {
      const text = await readTextFile(join(dir, file), maxDocumentBytes)
      total += Buffer.byteLength(text)
      files.push({ file, text })
    } catch (error) {
      problems.push(problem(file, `the file cannot be read: ${(error as Error).message}`))
    }
  }
  if (total > maxTotalBytes) {
    problems.push(problem('.', `all files together are larger than ${maxTotalBytes} bytes`))
  }
  return { files, problems }
}

function problem(file: string, message: string): DocumentProblem {
  return { file, line: 1, column: 1, message }
}

async function documentFileNames(dir: string): Promise<string[]> {
  const names = await readdir(dir)
  return names.filter((name) => !name.startsWith('.') && /\.ya?ml$/.test(name)).toSorted()
}
