import { z } from 'zod'

/** Settings that every service has. */
export const commonSettings = {
  natsUrl: z.string().default('nats://127.0.0.1:7422').describe('NATS server, or several with commas'),
  natsPasswordFile: z.string().describe("File with the NATS password of this service's user"),
  healthHost: z.string().default('127.0.0.1').describe('Address of /livez, /readyz and /metrics'),
  healthPort: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(0)
    .describe('Port of /livez, /readyz and /metrics; 0 takes a free one'),
  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
    .default('info')
    .describe('Least severe log line written'),
  platformTenant: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/)
    .default('default')
    .describe(
      'Tenant whose audit log has what is of no single tenant: changes of policies, refused tokens; its operators see what is not right with what all tenants share',
    ),
  shutdownGraceMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(600_000)
    .default(10_000)
    .describe('Time to finish what is in hand after SIGTERM, in ms'),
} as const
