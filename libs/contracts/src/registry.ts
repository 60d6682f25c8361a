import { z } from 'zod'
import { CredentialRef, Digest, Instant } from './call/common.ts'
import { sha256 } from './digest.ts'
import { isJsonObject, type JsonObject, JsonObjectSchema } from './json.ts'
import { DnsLabel } from './subjects.ts'

/** A condition as Kubernetes writes it; types and reasons are those of `mcp.x-k8s.io/v1beta1`. */
export const Condition = z.object({
  type: z.enum(['Accepted', 'Available', 'Verified']),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  lastTransitionTime: Instant,
})
export type Condition = z.infer<typeof Condition>

/** Bounds of one tool server. */
export const ServerLimits = z.strictObject({
  /** Calls in flight at once; the rest queue on the bus. */
  concurrency: z.int().min(1).max(10_000).default(64),
  /** From sending the request to the last byte of its answer. */
  callTimeoutMs: z.int().min(100).max(3_600_000).default(60_000),
  maxResultBytes: z
    .int()
    .min(1024)
    .max(64 * 1024 * 1024)
    .default(4 * 1024 * 1024),
})
export type ServerLimits = z.infer<typeof ServerLimits>

/** A tool server as the registry knows it, under the key `server.<name>`. */
export const ServerEntry = z.object({
  name: DnsLabel,
  tenant: DnsLabel,
  /** Digest of the document this entry was made from. */
  documentDigest: Digest,
  source: z.enum(['Command', 'Url', 'ContainerImage']),
  transport: z.enum(['stdio', 'streamable-http']),
  /** Where the executor reaches it; absent until it has an address. */
  address: z
    .object({
      url: z.url(),
      tokenFile: z.string().optional(),
      /** File with the secrets that this run of the server was given, so that they can be taken out of what it answers (I9). */
      secretsFile: z.string().optional(),
      /** The credentials that its document names, for the record of calls. */
      credentials: z.array(CredentialRef).max(100).optional(),
    })
    .optional(),
  /** The revision its probe agreed on. */
  era: z.enum(['2025-11-25', '2026-07-28']).optional(),
  protocolVersion: z.string().optional(),
  serverInfo: z.object({ name: z.string(), version: z.string() }).optional(),
  instructions: z.string().optional(),
  limits: ServerLimits,
  conditions: z.array(Condition),
  restarts: z.int().nonnegative(),
  pid: z.int().optional(),
  toolCount: z.int().nonnegative(),
  quarantinedCount: z.int().nonnegative(),
  /** What the server offers and nobody can call, with the reasons, as far as there is room: `a (reason), 3 tools after the first 5000`. */
  leftOut: z.string().optional(),
  lastProbeAt: Instant.optional(),
  updatedAt: Instant,
})
export type ServerEntry = z.infer<typeof ServerEntry>

/**
 * A JSON Schema of an object, in the shape that every client reads: the official SDKs refuse a whole list of tools for one whose schema
 * has another. What the schema says within is not looked at.
 */
export const ObjectSchema = z
  .custom<JsonObject>((value) => faultOfObjectSchema(value) === undefined, {
    error: ({ input }) => faultOfObjectSchema(input)!,
  })
  .meta({ type: 'object' })

function faultOfObjectSchema(value: unknown): string | undefined {
  if (!isJsonObject(value)) return 'must be a JSON object'
  const { $schema, type, properties, required } = value
  if (type !== 'object') return 'its type must be "object"'
  if ($schema !== undefined && typeof $schema !== 'string') return 'its $schema must be a string'
  // The TypeScript SDK reads no `true` there, which JSON Schema has.
  if (properties !== undefined && !(isJsonObject(properties) && Object.values(properties).every(isJsonObject)))
    return 'its properties must be an object of objects'
  if (required !== undefined && !(Array.isArray(required) && required.every((name) => typeof name === 'string')))
    return 'its required must be a list of strings'
  return undefined
}

/** An MCP tool definition as its server sent it: any members, a name for certain, and of those that MCP names none that clients cannot read. */
export const ToolDefinition = z.looseObject({
  name: z.string().min(1).max(256),
  title: z.string().optional(),
  description: z.string().optional(),
  inputSchema: ObjectSchema,
  /** Of anything in the modern revision, and then not shown. */
  outputSchema: JsonObjectSchema.meta({ type: 'object' }).optional(),
  annotations: z
    .looseObject({
      title: z.string().optional(),
      readOnlyHint: z.boolean().optional(),
      destructiveHint: z.boolean().optional(),
      idempotentHint: z.boolean().optional(),
      openWorldHint: z.boolean().optional(),
    })
    .optional(),
  icons: z
    .array(
      z.looseObject({
        src: z.string(),
        mimeType: z.string().optional(),
        sizes: z.array(z.string()).optional(),
        theme: z.enum(['light', 'dark']).optional(),
      }),
    )
    .optional(),
  execution: z.looseObject({ taskSupport: z.enum(['required', 'optional', 'forbidden']).optional() }).optional(),
  _meta: JsonObjectSchema.meta({ type: 'object' }).optional(),
})
export type ToolDefinition = z.infer<typeof ToolDefinition>

/** One member of a definition that changed, as a JSON Pointer (RFC 6901) with its JSON before and after. */
export const DefinitionChange = z.object({
  path: z.string(),
  before: z.string().optional(),
  after: z.string().optional(),
})
export type DefinitionChange = z.infer<typeof DefinitionChange>

/** A tool as the registry knows it, under the key `tool.<server>.<hash of its name>`. */
export const ToolEntry = z.object({
  server: DnsLabel,
  name: z.string(),
  /** Callable as pinned; changed or added since and not callable (I13); or gone from the server. */
  state: z.enum(['pinned', 'quarantined', 'absent']),
  /** The definition in force: what callers see and grants are bound to. Absent for a tool added after the first pin. */
  pinned: z.object({ definition: ToolDefinition, digest: Digest, at: Instant, by: z.string() }).optional(),
  /** What the server says now, where that is not what is pinned. */
  offered: z
    .object({ definition: ToolDefinition, digest: Digest, at: Instant, changes: z.array(DefinitionChange) })
    .optional(),
  /** Why what the server says now cannot be used at all; there is nothing to accept until the server mends it. */
  problem: z.string().optional(),
})
export type ToolEntry = z.infer<typeof ToolEntry>

/** The bucket `servers` holds both kinds; these build and read its keys. */
export const registryKeys = {
  server: (name: string) => `server.${name}`,
  tool: (server: string, tool: string) => `tool.${server}.${sha256(tool).slice(7, 39)}`,
  tools: (server: string) => `tool.${server}.*`,
} as const

/** Reads a registry key back. */
export function parseRegistryKey(key: string): { kind: 'server' | 'tool'; server: string } | undefined {
  const [kind, server] = key.split('.')
  return (kind === 'server' || kind === 'tool') && server ? { kind, server } : undefined
}

/** What annotations promise, with the specification's defaults where they are silent: nothing is assumed harmless. */
export function toolHints(definition: ToolDefinition) {
  const { annotations } = definition
  const readOnly = annotations?.readOnlyHint ?? false
  return {
    readOnly,
    destructive: !readOnly && (annotations?.destructiveHint ?? true),
    // Reading twice is the same as reading once.
    idempotent: readOnly || (annotations?.idempotentHint ?? false),
    openWorld: annotations?.openWorldHint ?? true,
  }
}
