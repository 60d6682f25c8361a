import { z } from 'zod'
import { CliError, exits } from '../../cli-error.ts'

/** Of a record of any version, what a redaction is checked by. */
const RedactedRecord = z.object({
  tenant: z.string(),
  callId: z.string().optional(),
  event: z.string(),
  stream: z.object({ name: z.string().optional(), seq: z.int(), created: z.string() }),
  redactions: z.array(z.object({ path: z.string(), digest: z.string() })).default([]),
})
export type RedactedRecord = z.infer<typeof RedactedRecord>

const Proof = z.object({ format: z.string(), entries: z.array(z.object({ entry: z.string() })) })
const Listed = z.object({ records: z.array(z.unknown()) })
const Sealed = z.object({ record: z.unknown() })

/** What a file with records has. */
export interface ReadRecords {
  records: RedactedRecord[]
  /** It is a proof, which says by itself that they were sealed. */
  isProof: boolean
}

/**
 * Reads the records of a file: of a proof of a call, of an answer of `countersign audit --json` or of an export, or a record alone.
 *
 * @throws CliError for anything else
 */
export function readRecords(text: string, file: string): ReadRecords {
  const whole = parse(text)
  const proof = Proof.safeParse(whole)
  if (proof.success)
    return { isProof: true, records: proof.data.entries.map(({ entry }) => record(parse(entry), file)) }
  const listed = Listed.safeParse(whole)
  // An export has one a line.
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const all = listed.success ? listed.data.records : whole === undefined ? lines.map(parse) : [whole]
  return { isProof: false, records: all.map((each) => record(each, file)) }
}

function record(value: unknown, file: string): RedactedRecord {
  const sealed = Sealed.safeParse(value)
  const parsed = RedactedRecord.safeParse(sealed.success ? sealed.data.record : value)
  if (parsed.success) return parsed.data
  throw new CliError(exits.usage, `${file} has neither records of the audit log nor a proof of a call`, {
    next: 'write one with: countersign audit prove <call> --out FILE',
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
