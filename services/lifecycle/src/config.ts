import { delimiter, dirname } from 'node:path'
import { commonSettings, readConfig } from '@countersign/config'
import { childEnv } from '@countersign/mcp/bridge'
import { z } from 'zod'

/** Settings of lifecycle. */
export const Settings = z.object({
  ...commonSettings,
  serversDir: z.string().describe('Folder with the documents of the tool servers (YAML)'),
  runDir: z.string().describe('Folder for tokens, environments and process ids of the servers it runs'),
  probeIntervalMs: z.coerce
    .number()
    .int()
    .min(100)
    .max(3_600_000)
    .default(10_000)
    .describe('Time between two probes of a server that answers, in ms; of more than 100 servers, as much longer'),
  pathPrepend: z.string().default('').describe('Folders put before PATH for the servers it runs'),
})
export type Settings = z.infer<typeof Settings>

/** Settings, and the environment that every server it runs starts from. */
export type LifecycleConfig = Settings & { childEnv: Record<string, string> }

export function loadConfig(): LifecycleConfig {
  const settings = readConfig(Settings, process.env)
  // Programs find this very node, whichever is first on the PATH of whoever started us.
  const path = [dirname(process.execPath), settings.pathPrepend, process.env.PATH ?? ''].filter((part) => part !== '')
  return { ...settings, childEnv: childEnv(process.env, { PATH: path.join(delimiter) }) }
}
