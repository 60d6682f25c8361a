import { isJsonObject, recordKind, type SealedRecord } from '@countersign/contracts'

/** One column of a table of records. */
export interface ExportColumn {
  name: string
  type: 'text' | 'whole' | 'number' | 'time' | 'boolean'
  /** Only Countersign says what stands there, never who calls or is called: CSV has it as it is, whatever it begins with. */
  verbatim?: true
  /** Undefined where a record does not say. Times are ISO 8601; lists are joined with `; `. */
  value: (sealed: SealedRecord) => string | number | boolean | undefined
}

const list = (values: readonly string[] | undefined) => (values?.length ? values.join('; ') : undefined)
const dataOf = ({ record }: SealedRecord) => (isJsonObject(record.cloudEvent.data) ? record.cloudEvent.data : undefined)

/** What CSV and Parquet have of a record; `data` is all of its event. */
export const exportColumns: readonly ExportColumn[] = [
  { name: 'index', type: 'whole', value: ({ index }) => index },
  { name: 'stored_at', type: 'time', value: ({ record }) => record.storedAt },
  { name: 'kind', type: 'text', value: ({ record }) => recordKind(record) },
  { name: 'event', type: 'text', value: ({ record }) => record.event },
  { name: 'tenant', type: 'text', value: ({ record }) => record.tenant },
  { name: 'server', type: 'text', value: ({ record }) => record.server },
  { name: 'tool', type: 'text', value: ({ record }) => record.what?.tool },
  { name: 'call_id', type: 'text', value: ({ record }) => record.callId },
  { name: 'principal', type: 'text', value: ({ record }) => record.who?.principal },
  { name: 'actor', type: 'text', value: ({ record }) => record.who?.actor },
  { name: 'groups', type: 'text', value: ({ record }) => list(record.who?.groups) },
  { name: 'delegation', type: 'text', value: ({ record }) => list(record.who?.delegation) },
  { name: 'method', type: 'text', value: ({ record }) => record.what?.method },
  { name: 'arguments_digest', type: 'text', value: ({ record }) => record.what?.digest },
  { name: 'policy_revision', type: 'text', value: ({ record }) => record.decision?.policyRevision },
  {
    name: 'rules',
    type: 'text',
    value: ({ record }) =>
      list(record.decision?.rules.map(({ policy, rule, effect }) => `${policy}/${rule} ${effect}`)),
  },
  {
    name: 'approvals',
    type: 'text',
    value: ({ record }) => list(record.approvals?.map(({ approver, vote }) => `${approver} ${vote}`)),
  },
  { name: 'executor', type: 'text', value: ({ record }) => record.execution?.executor },
  { name: 'attempt', type: 'whole', value: ({ record }) => record.execution?.attempt },
  { name: 'duration_ms', type: 'number', value: ({ record }) => record.execution?.durationMs },
  { name: 'outcome', type: 'text', value: ({ record }) => record.outcome?.status },
  { name: 'code', type: 'text', value: ({ record }) => record.outcome?.reason?.code },
  { name: 'message', type: 'text', value: ({ record }) => record.outcome?.reason?.message },
  { name: 'tool_error', type: 'boolean', value: ({ record }) => record.outcome?.toolError },
  { name: 'trace_id', type: 'text', value: traceIdOf },
  { name: 'stream_seq', type: 'whole', value: ({ record }) => record.stream.seq },
  { name: 'leaf_hash', type: 'text', verbatim: true, value: ({ leafHash }) => leafHash },
  {
    name: 'data',
    type: 'text',
    value(sealed) {
      const data = dataOf(sealed)
      return data && JSON.stringify(data)
    },
  },
  // Of an event that lies beside the log; one that is too large to be told has no data here.
  { name: 'content_digest', type: 'text', verbatim: true, value: ({ record }) => record.content?.digest },
  { name: 'content_bytes', type: 'whole', value: ({ record }) => record.content?.size },
]

function traceIdOf({ record: { cloudEvent } }: SealedRecord): string | undefined {
  const { traceparent } = cloudEvent
  return typeof traceparent === 'string' ? traceparent.split('-')[1] : undefined
}
