import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { EventRuleList } from '../event-rules.ts'
import { Redactor } from './redactor.ts'

const minKeyBytes = 32

/**
 * Reads what is to be taken out, and the key that salts are made from.
 *
 * @param rulesFile JSON; without it nothing is taken out
 * @throws Error saying what is wrong with a file: records are not sealed with rules that were not understood (I7)
 */
export function loadRedactor(rulesFile: string | undefined, keyFile: string | undefined): Redactor | undefined {
  if (rulesFile === undefined) return undefined
  const remedy =
    'make one with: openssl rand -out KEYFILE 32, and keep it: without it nothing can be proven about what was taken out'
  if (keyFile === undefined) throw new Error(`redactions need a key that salts are made from; ${remedy}`)
  const key = readFileSync(keyFile)
  if (key.length < minKeyBytes)
    throw new Error(`the redaction key ${keyFile} has fewer than ${minKeyBytes} bytes; ${remedy}`)
  try {
    return new Redactor(EventRuleList.parse(JSON.parse(readFileSync(rulesFile, 'utf8'))), key)
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message
    throw new Error(`the redactions ${rulesFile} cannot be used: ${reason}`, { cause })
  }
}
