import { commonSettings, readConfig } from '@countersign/config'
import { z } from 'zod'

/** The settings of audit. */
export const Settings = z.object({
  ...commonSettings,
  auditDir: z.string().optional().describe('Folder of the audit log; or set `COUNTERSIGN_AUDIT_S3_URL`'),
  auditS3Url: z.url().optional().describe('Bucket of the audit log: `https://<host>/<bucket>/<prefix>`, any S3 server'),
  auditS3Region: z.string().default('us-east-1').describe('Region of that bucket'),
  auditS3CredentialsFile: z
    .string()
    .optional()
    .describe('JSON with `accessKeyId` and `secretAccessKey` for that bucket'),
  auditS3CaFile: z
    .string()
    .optional()
    .describe('PEM file with the certificates to trust for that bucket in place of those of the system'),
  auditLogOwner: z
    .string()
    .regex(/^[a-z0-9.-]+(\/[a-z0-9._-]+)*$/, 'must be a name like a URL without its scheme')
    .default('countersign.dev')
    .describe(
      'Begins the name of every log, `<owner>/audit/<tenant>`, as a domain of yours may; not to be changed once a log has begun',
    ),
  auditKeyFile: z
    .string()
    .describe(
      'PEM file (PKCS #8) with the Ed25519 keys that sign checkpoints of the audit log; read again when it changes',
    ),
  auditRedactionsFile: z.string().optional().describe('JSON: what is taken out of events before they are sealed'),
  auditRedactionKeyFile: z.string().optional().describe('File of 32 random bytes or more, for the salts of redactions'),
  auditGatherMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(10_000)
    .default(500)
    // An append syncs several files whatever is in it, on a disk that calls wait for, and nobody waits for a record to be sealed.
    .describe('How long an event waits for others that are sealed in one step with it, in ms'),
  auditWitnessPolicyFile: z
    .string()
    .optional()
    .describe(
      'File that says which witnesses cosign checkpoints, and how many of them are enough; see docs/audit-log.md',
    ),
  auditWitnessIntervalMs: z.coerce
    .number()
    .int()
    .min(100)
    .default(10_000)
    .describe('How often witnesses are asked to cosign the newest checkpoint, in ms'),
  auditSubjectKeysDir: z
    .string()
    .optional()
    .describe('Folder of the keys that what is personal is encrypted with, apart from the log; without it nothing is'),
  auditSubjectKekFile: z
    .string()
    .optional()
    .describe(
      'File with the keys that those keys are wrapped with, one a line (`openssl rand -base64 32`); the first wraps; read again when it changes',
    ),
  auditSubjectKeysLost: z.iso
    .datetime()
    .optional()
    .describe(
      'Says that those keys are lost for good, by the instant that audit names when it does not start without them; see docs/operations.md',
    ),
  auditPersonalFile: z
    .string()
    .optional()
    .describe(
      'JSON: what is personal; left out, arguments, results, comments, evidence and the addresses that people came from',
    ),
  auditIndexDir: z
    .string()
    .optional()
    .describe('Folder of the index, with an embedded Postgres; left out, beside the folder of the log'),
  auditIndexUrl: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe('Postgres server for the index instead of a folder: `postgres://<user>@<host>/<database>`, no password'),
  auditIndexPasswordFile: z.string().optional().describe('File with the password for that server'),
  auditRetentionFile: z
    .string()
    .optional()
    .describe(
      'YAML document of kind AuditRetention: how long content is kept; left out, for ever; read again when it changes',
    ),
  auditGraceMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(7 * 24 * 3600 * 1000)
    .default(600_000)
    .describe('How long the events of an ended call stay in CALLS, in ms; less when they fill the room for new calls'),
  auditExportsDir: z
    .string()
    .optional()
    .describe(
      'Folder of AuditExport documents (*.yaml, *.yml): where records are sent; changes are taken up within 2 s',
    ),
})
export type Settings = z.infer<typeof Settings>

/**
 * Reads the settings from the environment.
 *
 * @throws ConfigError naming each variable that is missing or wrong
 */
export function loadConfig(): Settings {
  return readConfig(Settings, process.env)
}
