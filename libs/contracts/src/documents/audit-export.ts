import { z } from 'zod'
import { DnsLabel } from '../subjects.ts'
import { HttpUrl } from './http-url.ts'
import { Duration } from './tool-policy.ts'

const FilePath = z.string().min(1).max(4096)

const Tls = z.strictObject({
  /** PEM file with the certificates to trust in place of those of the system. */
  caFile: FilePath.optional(),
  /** PEM files of a client certificate and its key, for targets that want one. */
  certFile: FilePath.optional(),
  keyFile: FilePath.optional(),
})

const Connection = {
  tls: Tls.optional(),
  /** Lets records travel unencrypted to another machine. */
  allowPlaintext: z.boolean().default(false),
}

const Headers = z
  .array(
    z.strictObject({
      name: z.string().regex(/^[A-Za-z0-9-]{1,100}$/, 'must be the name of an HTTP header'),
      value: z.string().max(1000).optional(),
      valueFrom: z.strictObject({ file: FilePath }).optional(),
    }),
  )
  .max(20)

/** Of one record as it is told, in bytes: what is longer is told without its content. All of it where left out. */
const MaxRecordBytes = z.int().min(4096).max(16_777_216).optional()

/** Where records go, and how. */
export const ExportTarget = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('webhook'),
    url: HttpUrl,
    format: z.enum(['json', 'cloudevents', 'ocsf', 'ecs']).default('json'),
    /** What holds the records: an envelope, a JSON array, or JSON Lines. Left out, an envelope, and of CloudEvents an array. */
    body: z.enum(['envelope', 'array', 'ndjson']).optional(),
    maxRecordBytes: MaxRecordBytes,
    /** Keys that sign (Standard Webhooks), one a line, `whsec_` and base64; all of them sign. */
    secretFile: FilePath,
    headers: Headers.optional(),
    ...Connection,
  }),
  z.strictObject({
    type: z.literal('otlp'),
    /** Of the logs signal, as in `https://collector.example:4318/v1/logs`. */
    url: HttpUrl,
    compression: z.enum(['none', 'gzip']).optional(),
    maxRecordBytes: MaxRecordBytes,
    headers: Headers.optional(),
    ...Connection,
  }),
  z.strictObject({
    type: z.literal('syslog'),
    host: z.string().min(1).max(253),
    port: z.int().min(1).max(65535).default(6514),
    transport: z.enum(['tls', 'tcp']).default('tls'),
    format: z.enum(['json', 'ocsf', 'ecs']).default('json'),
    /** Of one message, in bytes: receivers must take 2048 and should take 8192 (RFC 5425). */
    maxBytes: z.int().min(2048).max(1_048_576).default(8192),
    /** Begins a message with the mark that says that it is UTF-8, as RFC 5424 has it; most receivers that read JSON do not know it. */
    byteOrderMark: z.boolean().optional(),
    ...Connection,
  }),
  z.strictObject({
    type: z.literal('s3'),
    /** `https://<host>/<bucket>/<prefix>` */
    url: HttpUrl,
    region: z.string().min(1).max(100).default('us-east-1'),
    /** JSON with `accessKeyId` and `secretAccessKey`. */
    credentialsFile: FilePath,
    format: z.enum(['json', 'ocsf', 'ecs']).default('json'),
    ...Connection,
  }),
])
export type ExportTarget = z.infer<typeof ExportTarget>

/** An export of sealed records. Strict: a misspelt filter that lets everything through is worse than none. */
export const AuditExport = z.strictObject({
  apiVersion: z.literal('countersign.dev/v1alpha1'),
  kind: z.literal('AuditExport'),
  metadata: z.strictObject({
    /** Names its cursors: under another name it begins anew. */
    name: DnsLabel,
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.strictObject({
    /** Which records: of these tenants and servers (`*` stands for any characters) and events; all where left out. */
    match: z
      .strictObject({
        tenants: z.array(z.string().min(1).max(100)).min(1).max(100).optional(),
        servers: z.array(z.string().min(1).max(100)).min(1).max(100).optional(),
        events: z.array(z.string().min(1).max(100)).min(1).max(100).optional(),
      })
      .default({}),
    /**
     * What is personal and sealed encrypted: left so, or opened. What was sent open is out of reach of an erasure.
     */
    personal: z.enum(['sealed', 'open']).default('sealed'),
    /** Where it begins when it is new. */
    from: z.enum(['beginning', 'now']).default('beginning'),
    /** A batch is sent when it has so many records, so many bytes, or its first record is so old. */
    batch: z
      .strictObject({
        records: z.int().min(1).max(5000).optional(),
        bytes: z.int().min(1024).max(8_388_608).optional(),
        after: Duration.optional(),
      })
      .default({}),
    to: ExportTarget,
  }),
})
export type AuditExport = z.infer<typeof AuditExport>
