import { z } from 'zod'
import { describeFault } from './describe-fault.ts'

/** Thrown when the environment does not fit a service's settings; every problem is listed at once. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/** The environment variable of a setting: `natsUrl` is `COUNTERSIGN_NATS_URL`. */
export function envName(key: string): string {
  return `COUNTERSIGN_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/**
 * Reads a service's settings from the environment. Empty variables count as unset.
 *
 * @throws ConfigError naming each variable that is missing or wrong
 */
export function readConfig<S extends z.ZodRawShape>(
  schema: z.ZodObject<S>,
  env: Record<string, string | undefined>,
): z.output<z.ZodObject<S>> {
  const raw = Object.fromEntries(
    Object.keys(schema.shape)
      .map((key) => [key, env[envName(key)]])
      .filter(([, value]) => value !== undefined && value !== ''),
  )
  const parsed = schema.safeParse(raw)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => {
    const key = String(issue.path[0])
    // A setting may hold a password, as of a URL (I9).
    return `${envName(key)} ${describeFault(issue, raw[key], { holdsSecrets: true })}`
  })
  throw new ConfigError(`settings are missing or wrong; set these environment variables:\n  ${problems.join('\n  ')}`)
}

/** One row of the table of settings. */
export interface SettingRow {
  variable: string
  default: string
  description: string
}

/** The settings of a schema as rows, for the README. */
export function describeConfig(schema: z.ZodObject): SettingRow[] {
  return Object.entries(schema.shape).map(([key, field]) => {
    const fallback = z.safeParse(field as z.ZodType, undefined)
    return {
      variable: envName(key),
      default: fallback.success ? String(fallback.data ?? '') : 'required',
      description: (field as z.ZodType).description ?? '',
    }
  })
}
