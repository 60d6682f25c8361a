import { type JsonObject, maxDocumentBytes, McpServerDocument, sha256, ServerLimits } from '@countersign/contracts'
import { DnsLabel, isJsonObject, type ServerEntry } from '@countersign/contracts'
import { aliasFault, describeFaults, faultText, isSurelyKey, type Path, yamlFault } from '@countersign/documents'
import { isMap, LineCounter, type Document, type Node, parseAllDocuments } from 'yaml'

/** Why a document is not taken up, and where. */
export interface DocumentProblem {
  file: string
  line: number
  column: number
  message: string
  /** The server it seems to be about. */
  server?: string
}

/** What can be said of a server whose document is refused. */
export type Identity = Pick<ServerEntry, 'name' | 'tenant' | 'source' | 'transport' | 'limits' | 'documentDigest'>

/** A document that may run. */
export interface ServerDocument {
  identity: Identity
  document: McpServerDocument
}

/** What a file holds. With a problem in it, nothing of it is taken up. */
export interface FileContent {
  servers: ServerDocument[]
  problems: DocumentProblem[]
  /** Servers of refused documents, as far as they can be told. */
  refused: Identity[]
}

/** Reads the `MCPServer` documents of a YAML file; each problem with its line, and without what stands there: it may be a secret (I9). */
export function readDocuments(file: string, text: string): FileContent {
  const content: FileContent = { servers: [], problems: [], refused: [] }
  if (text.length > maxDocumentBytes) {
    content.problems.push({
      file,
      line: 1,
      column: 1,
      message: `the file is over the limit of ${maxDocumentBytes} characters`,
    })
    return content
  }
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    uniqueKeys: true,
    prettyErrors: false,
    logLevel: 'error',
  })
  // `empty` is what the library calls a stream without any document.
  const list: Document.Parsed[] = 'empty' in documents ? [] : documents
  const whole = list.filter(({ contents, errors }) => contents !== null || errors.length > 0)
  if (whole.length === 0) content.problems.push({ file, line: 1, column: 1, message: 'the file holds no document' })
  for (const yaml of whole) readDocument(file, yaml, lines, content)
  return content
}

function readDocument(file: string, yaml: Document.Parsed, lines: LineCounter, content: FileContent): void {
  const problem = (offset: number, message: string, server?: string) => {
    const { line, col } = lines.linePos(offset)
    content.problems.push({ file, line, column: col, message, ...(server === undefined ? {} : { server }) })
  }
  if (yaml.errors.length > 0) {
    for (const fault of yaml.errors.slice(0, 5)) problem(fault.pos[0], yamlFault(fault))
    return
  }
  let raw: unknown
  try {
    raw = yaml.toJS({ maxAliasCount: 100 })
  } catch {
    return problem(0, aliasFault)
  }
  const identity = identityOf(raw)
  const parsed = McpServerDocument.safeParse(raw)
  const before = content.problems.length
  if (!parsed.success) {
    const about = { holdsSecrets: true, mayName: (path: Path) => isSurelyKey(yaml, path) }
    for (const fault of describeFaults(McpServerDocument, parsed.error, raw, about).slice(0, 20))
      problem(offsetOf(yaml, fault.path), faultText(fault), nameOf(raw))
  } else {
    for (const { path, message } of refusals(parsed.data)) {
      problem(offsetOf(yaml, path), `${path.join('.')}: ${message}`, parsed.data.metadata.name)
    }
    if (content.problems.length === before && identity) content.servers.push({ identity, document: parsed.data })
  }
  if (content.problems.length > before && identity) content.refused.push(identity)
}

/** What the schema allows but this runtime cannot do. */
function refusals({ spec: { source, config } }: McpServerDocument): { path: PropertyKey[]; message: string }[] {
  const unclear = config.env.findIndex(({ value, valueFrom }) => (value === undefined) === (valueFrom === undefined))
  if (unclear >= 0) {
    const message = 'give either value, or valueFrom.file for a secret'
    return [{ path: ['spec', 'config', 'env', unclear], message }]
  }
  if (source.type === 'ContainerImage') {
    return [{ path: ['spec', 'source', 'type'], message: 'a ContainerImage needs Kubernetes; here use Command or Url' }]
  }
  if (source.type === 'Command' && source.command.transport === 'streamable-http' && config.port === undefined) {
    return [
      {
        path: ['spec', 'config'],
        message: 'config.port is missing; with transport streamable-http it says where the command listens',
      },
    ]
  }
  if (source.type === 'Url' && config.arguments.length + config.env.length > 0) {
    return [
      {
        path: ['spec', 'config'],
        message: 'somebody else runs this server, so arguments and env have no effect; remove them',
      },
    ]
  }
  return []
}

/** Name, tenant and source of a document, even of one that is refused; undefined when they cannot be told. */
function identityOf(raw: unknown): Identity | undefined {
  const name = nameOf(raw)
  const document = raw as {
    metadata: JsonObject
    spec?: { source?: { type?: string; command?: JsonObject }; limits?: unknown }
  }
  const source = document?.spec?.source
  if (name === undefined || (source?.type !== 'Command' && source?.type !== 'Url' && source?.type !== 'ContainerImage'))
    return undefined
  const limits = ServerLimits.safeParse(document.spec?.limits ?? {})
  const tenant = DnsLabel.safeParse(document.metadata.namespace)
  const overHttp = source.type !== 'Command' || source.command?.transport === 'streamable-http'
  return {
    name,
    tenant: tenant.success ? tenant.data : 'default',
    source: source.type,
    transport: overHttp ? 'streamable-http' : 'stdio',
    limits: limits.success ? limits.data : ServerLimits.parse({}),
    documentDigest: sha256(JSON.stringify(raw)),
  }
}

function nameOf(raw: unknown): string | undefined {
  const metadata = isJsonObject(raw) ? raw.metadata : undefined
  const name = DnsLabel.safeParse(isJsonObject(metadata) ? metadata.name : undefined)
  return name.success ? name.data : undefined
}

/** Where a value stands in the file; for one that is missing, where its parent stands. */
function offsetOf(yaml: Document.Parsed, path: readonly PropertyKey[]): number {
  let node: unknown = yaml.contents
  for (const [index, key] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find((item) => String((item.key as { value?: unknown }).value) === String(key))
      if (!pair) break
      if (index === path.length - 1) return (pair.key as Node).range?.[0] ?? 0
      node = pair.value
    } else {
      const next = yaml.getIn(path.slice(0, index + 1), true)
      if (next === undefined) break
      node = next
    }
  }
  return (node as Node | null)?.range?.[0] ?? 0
}
