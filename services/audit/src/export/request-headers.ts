import { readFile } from 'node:fs/promises'

/** A header of an export's document. */
export interface HeaderSpec {
  name: string
  value?: string | undefined
  valueFrom?: { file: string } | undefined
}

/** Headers of a request; what stands in files is read each time, so that it can be replaced. */
export async function requestHeaders(specs: readonly HeaderSpec[] | undefined): Promise<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const { name, value, valueFrom } of specs ?? []) {
    headers[name.toLowerCase()] = valueFrom ? (await readFile(valueFrom.file, 'utf8')).trim() : (value ?? '')
  }
  return headers
}
