import type { DocumentProblem } from '@countersign/contracts'
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import type { z } from 'zod'
import { describeProblems } from './describe-problems.ts'
import { isSurelyKey } from './is-surely-key.ts'
import { aliasFault, yamlFault } from './yaml-fault.ts'

/** A file of documents, as it was read. */
export interface DocumentFile {
  /** Its name in the folder. */
  file: string
  text: string
}

/** A path into a document, as zod names it. */
export type Path = readonly (string | number)[]

/** What documents of one kind must be, and how what is wrong with them is put into words. */
export interface DocumentKind<T> {
  schema: z.ZodType<T>
  /** What may stand in a member that tells variants apart, by its name. */
  choices: Readonly<Record<string, readonly string[]>>
  /** Somebody may write a secret into one: what is said of them, which goes into logs, shows nothing that stands in them (I9). */
  holdsSecrets?: boolean
  /** Puts a place into words: a subject before the message, and the rest of the path below it. */
  subjectOf?: (content: unknown, path: Path) => { subject: string; rest: Path }
  /** Other words for a member that is missing, a key that is unknown, or one that only another variant has. */
  missing?: (path: Path) => string | undefined
  unknownKey?: (key: string) => string | undefined
  misplacedKey?: (content: unknown, path: Path) => string | undefined
}

/** One valid document with a way to say where in its file something stands. */
export interface ParsedDocument<T> {
  file: string
  document: T
  problem: (path: Path, message: string, of?: 'key' | 'value') => DocumentProblem
}

/** What a file holds: its documents, or what is wrong with it. */
export interface ParsedFile<T> {
  documents: ParsedDocument<T>[]
  problems: DocumentProblem[]
}

/** Reads the documents of one file: YAML, several documents separated by `---`, each of one kind. */
export function parseDocuments<T>({ file, text }: DocumentFile, kind: DocumentKind<T>): ParsedFile<T> {
  const lines = new LineCounter()
  const parsed: ParsedFile<T> = { documents: [], problems: [] }
  const at = (offset: number, message: string): DocumentProblem => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), message }
  }
  // At another level the library writes to stderr what it has doubts about.
  const yaml = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' })
  for (const document of Array.isArray(yaml) ? yaml : []) {
    // A warning is a tag or directive that nobody here understands.
    const faults = [...document.errors, ...document.warnings]
    if (faults.length > 0) {
      parsed.problems.push(
        ...faults.map((fault) =>
          at(fault.pos[0], `not valid YAML: ${kind.holdsSecrets ? yamlFault(fault) : fault.message}`),
        ),
      )
      continue
    }
    if (isEmpty(document)) continue
    const problem: ParsedDocument<T>['problem'] = (path, message, of = 'value') =>
      at(offsetOf(document, path, of), message)
    const { content, fault } = contentOf(document)
    if (fault !== undefined) {
      parsed.problems.push(problem([], `not valid YAML: ${kind.holdsSecrets ? aliasFault : fault}`))
      continue
    }
    const checked = kind.schema.safeParse(content)
    if (checked.success) parsed.documents.push({ file, document: checked.data, problem })
    else {
      const mayName = (path: Path) => !kind.holdsSecrets || isSurelyKey(document, path)
      const found = describeProblems(kind, content, checked.error.issues, mayName)
      parsed.problems.push(...found.map(({ path, message, of }) => problem(path, message, of)))
    }
  }
  return parsed
}

function isEmpty({ contents }: Document.Parsed): boolean {
  return contents === null || (isScalar(contents) && contents.value === null)
}

function contentOf(document: Document.Parsed): { content?: unknown; fault?: string } {
  try {
    return { content: document.toJS({ maxAliasCount: 100 }) }
  } catch (error) {
    return { fault: (error as Error).message }
  }
}

/** Where the value (or the key) at a path starts, or else the nearest thing around it that is there. */
function offsetOf(document: Document.Parsed, path: Path, of: 'key' | 'value'): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const [depth, step] of path.entries()) {
    let key: unknown
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === step)
      if (!pair) break
      key = pair.key
      node = pair.value
    } else if (isSeq(node) && typeof step === 'number') node = node.items[step]
    else break
    const wanted = of === 'key' && depth === path.length - 1 ? key : node
    offset = startOf(wanted) ?? startOf(key) ?? offset
  }
  return offset
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined
}
