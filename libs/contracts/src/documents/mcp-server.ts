import { z } from 'zod'
import { ServerLimits } from '../registry.ts'
import { DnsLabel } from '../subjects.ts'
import { HttpUrl } from './http-url.ts'

/** A variable of the server's environment: a plain value, or a secret by reference. Exactly one of the two. */
const EnvVar = z.strictObject({
  name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
  value: z.string().optional(),
  /** A file with the secret, relative to the folder of the documents: the secret itself is never in a document. */
  valueFrom: z.strictObject({ file: z.string().min(1) }).optional(),
})

/** A program on this machine; with `transport: stdio` the bridge speaks to it, else it must serve HTTP on `config.port`. */
export const CommandSource = z.strictObject({
  type: z.literal('Command'),
  command: z.strictObject({
    /** The program and its arguments; `config.arguments` are added. No shell is involved. */
    run: z.array(z.string().min(1)).min(1),
    cwd: z.string().min(1).optional(),
    transport: z.enum(['stdio', 'streamable-http']).default('stdio'),
  }),
})

/** A server somebody else runs. */
export const UrlSource = z.strictObject({
  type: z.literal('Url'),
  url: z.strictObject({
    url: HttpUrl,
    /** A file with the bearer token to send; the token itself is never in a document. */
    tokenFile: z.string().min(1).optional(),
  }),
})

/** What Kubernetes runs; the local runtime refuses it and says so. */
export const ContainerSource = z.strictObject({
  type: z.literal('ContainerImage'),
  containerImage: z.looseObject({ ref: z.string().min(1).max(1000) }),
})

/**
 * A tool server: the shape of `mcp.x-k8s.io/v1beta1` `MCPServer`, with the sources `Command` and `Url` for machines without
 * Kubernetes and `limits` for the executor.
 */
export const McpServerDocument = z.strictObject({
  apiVersion: z.literal('mcp.x-k8s.io/v1beta1'),
  kind: z.literal('MCPServer'),
  metadata: z.strictObject({
    name: DnsLabel,
    /** The tenant whose agents may see the server. */
    namespace: DnsLabel.default('default'),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.strictObject({
    source: z.discriminatedUnion('type', [CommandSource, UrlSource, ContainerSource]),
    config: z
      .strictObject({
        port: z.int().min(1).max(65535).optional(),
        path: z.string().startsWith('/').max(253).default('/mcp'),
        arguments: z.array(z.string().min(1)).default([]),
        env: z.array(EnvVar).default([]),
      })
      .prefault({}),
    limits: ServerLimits.prefault({}),
  }),
})
export type McpServerDocument = z.infer<typeof McpServerDocument>
