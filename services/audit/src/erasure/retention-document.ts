import { AuditRetention } from '@countersign/contracts'
import { type DocumentKind, parseDocuments } from '@countersign/documents'

const retentionKind: DocumentKind<AuditRetention> = { schema: AuditRetention, choices: {} }

/**
 * Reads how long content is kept: one document of kind `AuditRetention`.
 *
 * @throws Error naming line, column and reason of everything that is wrong: content is not erased by rules that were not understood
 */
export function readRetention(text: string): AuditRetention {
  const { documents, problems } = parseDocuments({ file: 'retention', text }, retentionKind)
  if (problems.length > 0) {
    throw new Error(
      problems.map(({ line, column, message }) => `line ${line}, column ${column}: ${message}`).join('; '),
    )
  }
  const [first, second] = documents
  if (!first || second) throw new Error(`it must have one document of kind AuditRetention, and has ${documents.length}`)
  return first.document
}
