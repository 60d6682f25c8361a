import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type ExportTarget, isJsonObject, type Json } from '@countersign/contracts'
import type { Driver, OnlyPart } from '../driver.ts'
import { otlpLogs } from '../format/otlp-logs.ts'
import { type Answer, HttpPost } from '../http-post.ts'

const compress = promisify(gzip)

type OtlpTarget = Extract<ExportTarget, { type: 'otlp' }>

/** Posts records to an OpenTelemetry collector (OTLP 1 over HTTP, JSON). */
export function otlp(target: OtlpTarget): Driver {
  const post = new HttpPost(target)
  return {
    async send({ records }, signal) {
      const logs = Buffer.from(otlpLogs(records, target.maxRecordBytes))
      const type = { 'content-type': 'application/json' }
      const answer =
        target.compression === 'gzip'
          ? await post.send(await compress(logs), { ...type, 'content-encoding': 'gzip' }, signal)
          : await post.send(logs, type, signal)
      return partialSuccess(answer, records.length)
    },
    close: () => post.close(),
  }
}

/** A collector that took a part must not be sent the same request again, and does not say which part it was. */
function partialSuccess({ body, quote }: Answer, count: number): OnlyPart | undefined {
  let answer: Json
  try {
    answer = JSON.parse(body.toString()) as Json
  } catch {
    // Taken: what it says beyond that is in another form.
    return undefined
  }
  const partial = isJsonObject(answer) ? answer['partialSuccess'] : undefined
  if (!isJsonObject(partial)) return undefined
  const rejected = Number(partial['rejectedLogRecords'] ?? 0)
  if (!(rejected > 0)) return undefined
  const { errorMessage } = partial
  return {
    onlyPart: `the collector rejected ${rejected} of these ${count} records`,
    answer: typeof errorMessage === 'string' ? quote(errorMessage) : '',
  }
}
