import { commonSettings, readConfig } from '@countersign/config'
import { z } from 'zod'

/** Settings of policy. */
export const Settings = z.object({
  ...commonSettings,
  policiesDir: z
    .string()
    .min(1)
    .describe('Folder of ToolPolicy documents (*.yaml, *.yml); changes are taken up within 2 s'),
  grantKeyFile: z
    .string()
    .min(1)
    .describe('PEM file with the Ed25519 private key that signs grants; read again when it changes'),
  auditMaxLag: z.coerce
    .number()
    .int()
    .min(0)
    .default(50_000)
    .describe('Events that audit may have left to seal; above, new calls are refused'),
  auditMaxAgeMs: z.coerce
    .number()
    .int()
    .min(1000)
    .default(300_000)
    .describe('How old the oldest event may be that audit has not sealed, in ms; above, new calls are refused'),
})
export type Settings = z.infer<typeof Settings>

export const loadConfig = () => readConfig(Settings, process.env)
