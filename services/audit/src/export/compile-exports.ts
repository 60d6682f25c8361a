import { AuditExport, type DocumentProblem, ExportTarget } from '@countersign/contracts'
import { type DocumentFile, type DocumentKind, type ParsedDocument, parseDocuments } from '@countersign/documents'

const auditExportKind: DocumentKind<AuditExport> = {
  schema: AuditExport,
  choices: { type: ExportTarget.options.map(({ shape }) => shape.type.value) },
  holdsSecrets: true,
  misplacedKey: (_content, path) => `\`${path.at(-1)}\` does not go with this \`type\` of target; remove it`,
}

/** Reads the exports of one file; what is wrong is told with line and column. */
export function compileExports(file: DocumentFile): { documents: AuditExport[]; problems: DocumentProblem[] } {
  const { documents, problems } = parseDocuments(file, auditExportKind)
  return {
    documents: documents.map(({ document }) => document),
    problems: [...problems, ...documents.flatMap(checkDocument)],
  }
}

/** What the schema cannot say. */
function checkDocument({ document, problem }: ParsedDocument<AuditExport>): DocumentProblem[] {
  const { to } = document.spec
  const found: DocumentProblem[] = []
  if (isPlaintext(to) && !to.allowPlaintext && !isLoopback(hostOf(to))) {
    const message =
      'records would travel unencrypted to another machine; use TLS, or say `allowPlaintext: true` if the network is yours'
    found.push(problem(['spec', 'to', to.type === 'syslog' ? 'transport' : 'url'], message))
  }
  if (to.type === 'webhook' && to.format === 'cloudevents' && to.body === 'envelope') {
    const message = 'a batch of CloudEvents is an array; write `array` or `ndjson`, or leave `body` out'
    found.push(problem(['spec', 'to', 'body'], message))
  }
  const headers = 'headers' in to ? (to.headers ?? []) : []
  for (const [place, { name, value, valueFrom }] of headers.entries()) {
    if ((value === undefined) !== (valueFrom === undefined)) continue
    found.push(problem(['spec', 'to', 'headers', place], `header "${name}" needs one of \`value\` and \`valueFrom\``))
  }
  const tls = 'tls' in to ? to.tls : undefined
  if ((tls?.certFile === undefined) !== (tls?.keyFile === undefined)) {
    found.push(problem(['spec', 'to', 'tls'], 'a client certificate needs both `certFile` and `keyFile`'))
  }
  return found
}

function isPlaintext(to: ExportTarget): boolean {
  return to.type === 'syslog' ? to.transport === 'tcp' : to.url.startsWith('http:')
}

function hostOf(to: ExportTarget): string {
  return to.type === 'syslog' ? to.host : new URL(to.url).hostname
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}
