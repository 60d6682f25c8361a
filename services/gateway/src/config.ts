import { commonSettings, readConfig } from '@countersign/config'
import { z } from 'zod'

/** Settings of the gateway. */
export const Settings = z.object({
  ...commonSettings,
  gatewayHost: z.string().default('127.0.0.1').describe('Address agents connect to'),
  gatewayPort: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(7420)
    .describe('Port agents connect to; 0 takes a free one'),
  gatewayHosts: z
    .string()
    .default('')
    .describe(
      'More Host header values the gateway answers to, with commas, e.g. gateway.example.com or gateway.example.com:8443',
    ),
  usersFile: z.string().describe('File of users with hashed bearer tokens'),
  maxBodyBytes: z.coerce
    .number()
    .int()
    .min(1024)
    .max(67_108_864)
    .default(4_194_304)
    .describe('Largest request body, in bytes'),
  callTimeoutMs: z.coerce
    .number()
    .int()
    .min(1000)
    .max(3_600_000)
    .default(55_000)
    .describe('How long a call may take from request to answer, in ms; clients often wait 60000'),
  holdWindowMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(600_000)
    .default(45_000)
    .describe('How long a held call keeps its caller waiting, when it asked for progress, in ms'),
  maxCallsInFlight: z.coerce
    .number()
    .int()
    .min(1)
    .default(10_000)
    .describe('Calls waiting for their answer in one replica; more are refused'),
  tenantCallsPerSecond: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .describe(
      'What one tenant may ask of one replica a second; more waits its turn for up to a second, and is then refused. 0: as much as it likes',
    ),
})
export type Settings = z.infer<typeof Settings>

export const loadConfig = () => readConfig(Settings, process.env)
