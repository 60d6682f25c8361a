import { isJsonObject, type Json, type JsonObject } from '@countersign/contracts'

/** What stands where a secret was. */
const censored = '[secret]'

/**
 * Takes our own credentials for a server out of what it answered: a tool that echoes its request's headers would hand them to the
 * caller and into the log (I9).
 */
export function redactSecrets(result: JsonObject, secrets: readonly string[]): JsonObject {
  if (secrets.length === 0) return result
  const text = JSON.stringify(result)
  return secrets.some((secret) => text.includes(secret)) ? (redact(result, secrets) as JsonObject) : result
}

function redact(value: Json, secrets: readonly string[]): Json {
  if (typeof value === 'string') return secrets.reduce((text, secret) => text.replaceAll(secret, censored), value)
  if (Array.isArray(value)) return value.map((item) => redact(item, secrets))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [redact(key, secrets) as string, redact(member, secrets)]),
  )
}
