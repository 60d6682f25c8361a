import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { McpServerDocument } from '@countersign/contracts'
import { minSecretLength } from '@countersign/mcp'

/** What a document gives its server. */
export interface Environment {
  variables: Record<string, string>
  /** The values that came by reference: never to be seen in a result, an event or the registry (I9). */
  secrets: string[]
}

/**
 * Reads the environment that a document gives its server, with the secrets that it refers to.
 *
 * @param folder that the files of secrets are relative to
 * @throws Error naming the variable whose secret cannot be read, or is too short to be told from other text
 */
export async function readEnvironment(
  env: McpServerDocument['spec']['config']['env'],
  folder: string,
): Promise<Environment> {
  const environment: Environment = { variables: {}, secrets: [] }
  for (const { name, value, valueFrom } of env) {
    if (valueFrom === undefined) environment.variables[name] = value ?? ''
    else {
      const secret = await readSecret(name, resolve(folder, valueFrom.file))
      environment.variables[name] = secret
      environment.secrets.push(secret)
    }
  }
  return environment
}

async function readSecret(name: string, path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`the secret for ${name} cannot be read (${error.code ?? 'unknown'}); look at its valueFrom.file`)
  })
  return parseSecret(name, text)
}

/** The secret in a file's text. @throws Error naming the variable when it is too short to be told from other text */
export function parseSecret(name: string, text: string): string {
  const secret = text.trim()
  if (secret.length >= minSecretLength) return secret
  throw new Error(
    `the secret for ${name} has fewer than ${minSecretLength} characters, too few to keep it out of results; use a longer one`,
  )
}
