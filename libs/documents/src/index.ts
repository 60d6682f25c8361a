export { shown } from './describe-issue.ts'
export {
  type DocumentFile,
  type DocumentKind,
  type ParsedDocument,
  parseDocuments,
  type Path,
} from './parse-documents.ts'
export { problemLine } from './problem-line.ts'
export { FolderWatch, type FolderWatchOptions } from './folder-watch.ts'
export { readFiles, type ReadFiles, readFolder } from './read-folder.ts'
export { placeText, valueAt } from './path.ts'
export { aliasFault, yamlFault } from './yaml-fault.ts'
