import { readFileSync } from 'node:fs'

/** Files with certificates, as documents name them. */
export interface TlsFiles {
  caFile?: string | undefined
  certFile?: string | undefined
  keyFile?: string | undefined
}

/** Reads them; for each connection, so that they can be replaced. */
export function readTls(files: TlsFiles = {}): { ca?: string; cert?: string; key?: string } {
  const { caFile, certFile, keyFile } = files
  return {
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile, 'utf8') }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile, 'utf8') }),
  }
}
