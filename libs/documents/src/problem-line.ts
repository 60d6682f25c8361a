import type { DocumentProblem } from '@countersign/contracts'

/** A problem as one line, the way compilers write it. */
export function problemLine({ file, line, column, message }: DocumentProblem): string {
  return `${file}:${line}:${column}: ${message}`
}
