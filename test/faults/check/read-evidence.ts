import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Bus, encode, type Followed } from '@countersign/bus'
import {
  digestOf,
  type FindKey,
  History,
  type JsonObject,
  openEvent,
  parseCallSubject,
  SealedRecord,
  type StreamName,
} from '@countersign/contracts'
import {
  checkpointFile,
  contentPath,
  describeProblem,
  DirectoryStore,
  leafHash,
  TreeReader,
  verifyLog,
} from '@countersign/tlog'
import type { Evidence, Received, StoredEvent, Told } from './evidence.ts'

/** Where the evidence of a run lies. */
export interface Sources {
  auditor: Bus
  auditDir: string
  recordFile: string
  grantPublicKeys: string
  /** What opens the content of records. */
  findKey: FindKey
  told: readonly Told[]
  poisoned: ReadonlySet<string>
}

const page = { maxMessages: 1000, maxBytes: 16 * 1024 * 1024 }

/** Reads everything there is about a run: the streams, the audit log on disk, what the tool server wrote down. */
export async function readEvidence(sources: Sources): Promise<Evidence> {
  const { auditor, auditDir, recordFile, grantPublicKeys, told, poisoned } = sources
  // The log before the streams: what is stored meanwhile shows as not sealed yet, and never the other way around.
  const log = (await readLog(auditDir)).map((sealed) => opened(sealed, sources.findKey))
  const messages = await readAll(auditor, 'CALLS')
  const published = (await readAll(auditor, 'AUDIT')).map(({ data }) => SealedRecord.parse(parse(data)))
  return {
    calls: historiesOf(log, messages, poisoned),
    stored: messages.map(storedEvent),
    log,
    ...(await verify(auditDir, poisoned)),
    published,
    received: existsSync(recordFile) ? lines(await readFile(recordFile, 'utf8')).map((line) => line as Received) : [],
    told,
    grantPublicPem: await readFile(grantPublicKeys, 'utf8'),
    poisoned,
  }
}

async function readAll(bus: Bus, stream: StreamName): Promise<Followed[]> {
  const all: Followed[] = []
  for (;;) {
    const some = await bus.readStream(stream, (all.at(-1)?.seq ?? 0) + 1, page)
    if (some.length === 0) return all
    all.push(...some)
  }
}

/** Every record of every tenant's tree, tree by tree. */
async function readLog(dir: string): Promise<SealedRecord[]> {
  const records: SealedRecord[] = []
  for (const tenant of await readdir(dir)) {
    const folder = join(dir, tenant)
    if (!existsSync(join(folder, checkpointFile))) continue
    // Its second line is the size of the tree; whether it is signed is for the verifier.
    const size = Number((await readFile(join(folder, checkpointFile), 'utf8')).split('\n')[1])
    const reader = new TreeReader(new DirectoryStore(dir), `${tenant}/`, () => size)
    for (let index = 0; index < size;) {
      for (const entry of (await reader.entriesFrom(index)).entries)
        records.push(await sealedRecord(folder, entry, index++))
    }
  }
  return records
}

async function sealedRecord(folder: string, entry: Buffer, index: number): Promise<SealedRecord> {
  const record = parse(entry) as JsonObject & { content?: { digest: string } }
  const beside = record.content && join(folder, contentPath(record.content.digest))
  const cloudEvent = beside === undefined ? record.cloudEvent : parse(await readFile(beside))
  return SealedRecord.parse({ index, leafHash: leafHash(entry).toString('base64'), record: { ...record, cloudEvent } })
}

/** With the event as it was before audit encrypted what is personal. */
function opened({ record, ...place }: SealedRecord, find: FindKey): SealedRecord {
  return { ...place, record: { ...record, cloudEvent: openEvent(record, find).cloudEvent } }
}

/** The JSON lines of a text; one that is not ended yet is left out. */
function lines(text: string): unknown[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
}

/** The history of each call: what is sealed, and what is stored and not sealed yet. */
function historiesOf(
  log: readonly SealedRecord[],
  messages: readonly Followed[],
  poisoned: ReadonlySet<string>,
): Map<string, History> {
  const events = new Map<number, { callId: string; event: string; data: Uint8Array }>()
  for (const { record } of log) {
    const { callId, event, cloudEvent, stream } = record
    if (callId !== undefined) events.set(stream.seq, { callId, event, data: encode(cloudEvent) })
  }
  for (const { seq, subject, data } of messages) {
    const { callId, event } = parseCallSubject(subject) ?? {}
    if (callId !== undefined && event !== undefined && !events.has(seq)) events.set(seq, { callId, event, data })
  }
  const ofCalls = Map.groupBy(
    [...events].toSorted(([a], [b]) => a - b).map(([seq, event]) => ({ seq, ...event })),
    ({ callId }) => callId,
  )
  return new Map(
    [...ofCalls]
      .filter(([callId]) => !poisoned.has(callId))
      .map(([callId, of]) => [callId, History.decode(of)] as const)
      // Messages whose subject names no call have records, and no history.
      .filter(([, { entries }]) => entries.length > 0),
  )
}

function storedEvent({ seq, subject, storedAt, data }: Followed): StoredEvent {
  const place = { seq, subject, storedAt: storedAt.toISOString() }
  try {
    return { ...place, digest: digestOf(parse(data) as JsonObject) }
  } catch {
    return { ...place, digest: undefined }
  }
}

function parse(data: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(data))
}

/** What the offline verifier says: of the log, and of calls that were poisoned on purpose, which it must name. */
async function verify(
  dir: string,
  poisoned: ReadonlySet<string>,
): Promise<Pick<Evidence, 'logProblem' | 'problemsOfPoisoned'>> {
  const { problems } = await verifyLog({ dir })
  const own = Object.groupBy(problems, ({ reason }) =>
    [...poisoned].some((callId) => reason.startsWith(`call ${callId}: `)) ? 'poisoned' : 'log',
  )
  return {
    logProblem: (own.log ?? []).map(describeProblem).join('; '),
    problemsOfPoisoned: (own.poisoned ?? []).map(({ reason }) => reason),
  }
}
