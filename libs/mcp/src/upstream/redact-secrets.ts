import { isJsonObject, type Json, type JsonObject } from '@countersign/contracts'
import type { UpstreamOutcome } from './post.ts'

/** What stands where a secret was. */
const censored = '[secret]'
/** What stands where a secret was the code of an error, which has to be a number: the server's error, of no kind that is known. */
const censoredCode = -32000

/**
 * Takes secrets out of what a server answered: a tool that echoes its request's headers or its environment would hand them to the
 * caller and into the log (I9).
 */
export function redactSecrets(result: JsonObject, secrets: readonly string[]): JsonObject {
  if (secrets.length === 0) return result
  const text = JSON.stringify(result)
  // As it stands in JSON text: a secret may hold quotes, backslashes or line ends.
  const occurs = secrets.some((secret) => text.includes(JSON.stringify(secret).slice(1, -1)))
  return occurs ? (redact(result, secrets) as JsonObject) : result
}

/** Takes secrets out of an outcome, whichever it is. */
export function redactOutcome(outcome: UpstreamOutcome, secrets: readonly string[]): UpstreamOutcome {
  if (secrets.length === 0) return outcome
  if (outcome.kind === 'result') return { ...outcome, result: redactSecrets(outcome.result, secrets) }
  if (outcome.kind === 'rpc-error') {
    const { code, ...rest } = outcome.error
    const safe = redact(code, secrets) === code ? code : censoredCode
    return { ...outcome, error: { code: safe, ...(redact(rest as JsonObject, secrets) as { message: string }) } }
  }
  return 'message' in outcome ? { ...outcome, message: redactText(outcome.message, secrets) } : outcome
}

/** Takes secrets out of a text that is not JSON, as out of a line of a log (I9). */
export function redactText(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, censored), text)
}

function redact(value: Json, secrets: readonly string[]): Json {
  if (typeof value === 'string') return redactText(value, secrets)
  // A secret of digits is a number as soon as a tool answers in JSON.
  if (typeof value === 'number') return secrets.some((secret) => String(value).includes(secret)) ? censored : value
  if (Array.isArray(value)) return value.map((item) => redact(item, secrets))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [redactText(key, secrets), redact(member, secrets)]),
  )
}
