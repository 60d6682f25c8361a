import { commonSettings, readConfig } from '@countersign/config'
import { z } from 'zod'

/** The console's settings. */
export const Settings = z.object({
  ...commonSettings,
  consoleHost: z.string().min(1).default('127.0.0.1').describe('Address the console listens on'),
  consolePort: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(7421)
    .describe('Port of the console; 0 takes a free one'),
  consoleHosts: z
    .string()
    .default('')
    .describe(
      'More Host header values the console answers to, with commas, e.g. console.example.com or console.example.com:8443',
    ),
  usersFile: z.string().min(1).describe('File with the users, their groups and the hashes of their tokens'),
  consoleStreams: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('Live feeds of calls served at once'),
})
export type Settings = z.infer<typeof Settings>

/** Reads the settings from the environment. */
export const loadConfig = () => readConfig(Settings, process.env)
