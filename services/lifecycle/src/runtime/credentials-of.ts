import type { CredentialRef, McpServerDocument } from '@countersign/contracts'

/** What one call can tell of; a document with more names the first of them. */
const maxCredentials = 100

/** The credentials that a document gives its server, or that it is reached with: by reference, as the document has them (I9). */
export function credentialsOf({ source, config }: McpServerDocument['spec']): CredentialRef[] {
  if (source.type === 'Url') {
    const { tokenFile } = source.url
    return tokenFile === undefined ? [] : [{ use: 'bearer', ref: tokenFile.slice(-1024) }]
  }
  return config.env
    .flatMap(({ name, valueFrom }): CredentialRef[] =>
      valueFrom ? [{ use: 'environment', name: name.slice(0, 256), ref: valueFrom.file.slice(-1024) }] : [],
    )
    .slice(0, maxCredentials)
}
