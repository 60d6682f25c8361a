import { readFileSync } from 'node:fs'
import { readValue } from '@countersign/config'
import type { RedactionInForce } from '@countersign/contracts'
import { type EventRule, EventRuleList } from '../event-rules.ts'
import { Redactor } from './redactor.ts'

const minKeyBytes = 32
const remedy =
  'make one with: openssl rand -out KEYFILE 32, set COUNTERSIGN_AUDIT_REDACTION_KEY_FILE to it, and keep it: without it nothing can ' +
  'be proven about what was taken out'

/** What is to be taken out by setting, and the key that salts are made from. */
export interface RedactionSettings {
  rules: readonly EventRule[]
  key: Uint8Array | undefined
}

/**
 * Reads what is to be taken out by setting, and the key that salts are made from.
 *
 * @param rulesFile JSON; without it only policies say what is taken out
 * @throws Error saying what is wrong with a file: records are not sealed with rules that were not understood (I7)
 */
export function readRedactionSettings(rulesFile: string | undefined, keyFile: string | undefined): RedactionSettings {
  const key = keyFile === undefined ? undefined : readFileSync(keyFile)
  if (key && key.length < minKeyBytes)
    throw new Error(`the redaction key ${keyFile} has fewer than ${minKeyBytes} bytes; ${remedy}`)
  if (rulesFile === undefined) return { rules: [], key }
  try {
    const rules = readValue(EventRuleList, JSON.parse(readFileSync(rulesFile, 'utf8')))
    makeRedactor({ rules, key }, [])
    return { rules, key }
  } catch (cause) {
    throw new Error(`the redactions ${rulesFile} cannot be used: ${(cause as Error).message}`, { cause })
  }
}

/**
 * Makes what takes things out, by setting and by policy.
 *
 * @returns undefined when nothing is to be taken out
 * @throws Error when something is, and there is no key: what cannot be proven later is not taken out, so nothing is sealed (I7)
 */
export function makeRedactor(
  { rules, key }: RedactionSettings,
  inForce: readonly RedactionInForce[],
): Redactor | undefined {
  if (rules.length + inForce.length === 0) return undefined
  if (!key) throw new Error(`redactions need a key that salts are made from; ${remedy}`)
  return new Redactor([...rules, ...inForce], key)
}
