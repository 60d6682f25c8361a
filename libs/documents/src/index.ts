export { shown } from '@countersign/config'
export { describeFaults, type Fault, faultText } from './describe-faults.ts'
export { isSurelyKey } from './is-surely-key.ts'
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
export { placeText, samePath, valueAt } from './path.ts'
export { aliasFault, yamlFault } from './yaml-fault.ts'
