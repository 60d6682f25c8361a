import { commonSettings, readConfig } from '@countersign/config'
import { z } from 'zod'

/** The settings of audit. */
export const Settings = z.object({
  ...commonSettings,
  auditDir: z.string().describe('Folder of the audit log'),
  auditKeyFile: z.string().describe('PEM file (PKCS #8) with the Ed25519 key that signs checkpoints of the audit log'),
  auditGraceMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(7 * 24 * 3600 * 1000)
    .default(600_000)
    .describe('How long the events of an ended call stay in CALLS, in ms'),
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
