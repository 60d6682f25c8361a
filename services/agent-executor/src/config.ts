import { commonSettings, readConfig } from '@countersign/config'
import { z } from 'zod'

/** Settings of the agent-executor. */
export const Settings = z.object({
  ...commonSettings,
  grantPublicKeysFile: z
    .string()
    .describe('PEM file with the Ed25519 public keys that grants may be signed with; read again when it changes'),
})
export type Settings = z.infer<typeof Settings>

export const loadConfig = () => readConfig(Settings, process.env)
