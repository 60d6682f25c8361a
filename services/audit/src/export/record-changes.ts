import { isDeepStrictEqual } from 'node:util'
import { ActivityLog, type Bucket, type Bus, encode } from '@countersign/bus'
import {
  type ActivityEventData,
  type ActivityEventName,
  type AuditExport,
  CountersignError,
  digestOf,
  type DocumentProblem,
  eventContentType,
  type ExportTarget,
  type Json,
  makeActivityEvent,
  type Principal,
  subjects,
} from '@countersign/contracts'
import { problemLine } from '@countersign/documents'
import type { Logger } from '@countersign/telemetry'
import { z } from 'zod'
import type { DeadLetter } from './export-state.ts'

const key = 'changes'
/** So many changes may wait to be recorded; the next one is not made before. */
const maxUnrecorded = 100
const maxTold = 100

const Owed = z.object({
  tenant: z.string(),
  name: z.string(),
  /** The activity, a CloudEvent. */
  event: z.looseObject({ id: z.string() }),
})
type Owed = z.infer<typeof Owed>

/** What is in force as the log knows it, and what is to be recorded of it, in one entry of the bucket `exports`. */
const Changes = z.object({
  /** Digest of what each export in force says. */
  exports: z.record(z.string(), z.string()).default({}),
  /** Digest of the problems that were told last; null when there were none. */
  refused: z.string().nullable().default(null),
  unrecorded: z.array(Owed).default([]),
})
type Changes = z.infer<typeof Changes>

export interface RecordChangesOptions {
  bucket: Pick<Bucket, 'get' | 'put'>
  bus: Pick<Bus, 'store'>
  logger: Logger
  /** Whose log has what is of no single tenant. */
  platformTenant: string
}

/**
 * Records what is done to exports. It is kept that a change is to be recorded before the change is made, so each is recorded at least once
 * whoever is killed, under an id that tells a repetition.
 */
export class RecordChanges {
  readonly #options: RecordChangesOptions
  readonly #activities: ActivityLog
  #changes: Changes = Changes.parse({})
  /** One entry, so one write after the other. */
  #writing: Promise<unknown> = Promise.resolve()

  constructor(options: RecordChangesOptions) {
    this.#options = options
    this.#activities = new ActivityLog(options.bus, ({ subject, error, givenUp }) =>
      options.logger.warn(
        { err: error, subject },
        givenUp
          ? 'a change of exports is recorded after the next start'
          : 'a change of exports could not be recorded yet; it is tried again',
      ),
    )
  }

  /** Reads what was kept, and records what an earlier process could not any more. */
  async start(): Promise<void> {
    const kept = await this.#options.bucket.get(key)
    this.#changes = Changes.parse(kept === undefined ? {} : JSON.parse(Buffer.from(kept).toString()))
    for (const owed of this.#changes.unrecorded) this.#record(owed)
  }

  /** Keeps what is known once more, in a bucket that has lost it. */
  putBack(): Promise<void> {
    return this.#write((before) => ({ changes: { ...before }, result: undefined }))
  }

  /** Resolves when nothing is being recorded; what is left is recorded after the next start. */
  async stop(): Promise<void> {
    await this.#activities.close()
    await this.#writing.catch(() => {})
  }

  /** Whether a document was in force when this was kept last, as it is now. */
  isInForce({ metadata: { name }, spec }: AuditExport): boolean {
    return this.#changes.exports[name] === digestOf(spec as unknown as Json)
  }

  /**
   * Keeps what is about to be in force, and that it is to be recorded. Where nothing differs, nothing is written.
   *
   * @throws CountersignError when too much waits to be recorded already
   */
  changed(documents: readonly AuditExport[], problems: readonly DocumentProblem[]): Promise<void> {
    const common = { resource: { type: 'exports', name: 'current' }, by: 'audit' } as const
    return this.#change((before) => {
      const after = Object.fromEntries(
        documents.map(({ metadata, spec }) => [metadata.name, digestOf(spec as unknown as Json)]),
      )
      const told = (wanted: (name: string) => boolean) =>
        documents.filter(({ metadata: { name } }) => wanted(name)).map(toldOf)
      const difference = {
        added: told((name) => before.exports[name] === undefined),
        changed: told((name) => before.exports[name] !== undefined && before.exports[name] !== after[name]),
        removed: Object.keys(before.exports).filter((name) => after[name] === undefined),
      }
      const refused = problems.length === 0 ? null : digestOf(problems as unknown as Json)
      const owed: Owed[] = []
      if (Object.values(difference).some(({ length }) => length > 0)) {
        owed.push(this.#owed('exports_changed', { ...common, ...difference }))
      }
      if (refused !== null && refused !== before.refused) {
        const lines = problems.slice(0, maxTold).map(problemLine)
        owed.push(this.#owed('exports_refused', { ...common, problems: lines, problemCount: problems.length }))
      }
      return { exports: after, refused, owed }
    })
  }

  /**
   * Keeps that an operator's decision about dead letters is to be recorded; it is made after that.
   *
   * @throws CountersignError when too much waits to be recorded already
   */
  settled(
    action: 'retry' | 'discard',
    { id: by, tenant }: Principal,
    name: string,
    letters: readonly DeadLetter[],
  ): Promise<void> {
    const owed = this.#owed(action === 'retry' ? 'dead_letters_retried' : 'dead_letters_discarded', {
      ...{ tenant, by, resource: { type: 'export', name }, deadLetters: letters.length },
      records: letters.slice(0, maxTold).map(({ first, last }) => ({ first, last })),
    })
    return this.#change((before) => ({ ...before, owed: [owed] }))
  }

  #owed<N extends ActivityEventName>(name: N, data: Omit<ActivityEventData<N>, 'tenant'> & { tenant?: string }): Owed {
    const { tenant = this.#options.platformTenant } = data
    const event = makeActivityEvent(name, { tenant, ...data } as ActivityEventData<N>, { now: new Date() })
    return { tenant, name, event: { ...event } }
  }

  async #change(make: (before: Changes) => Omit<Changes, 'unrecorded'> & { owed: Owed[] }): Promise<void> {
    const owed = await this.#write((before) => {
      const { owed, exports, refused } = make(before)
      if (owed.length === 0 && refused === before.refused && isDeepStrictEqual(exports, before.exports)) {
        return { changes: before, result: owed }
      }
      if (owed.length > 0 && before.unrecorded.length >= maxUnrecorded) {
        throw new CountersignError(
          'store_unavailable',
          `${maxUnrecorded} changes of exports wait to be recorded, so no other is made; look at why the stream LIFECYCLE does not take them`,
        )
      }
      return { changes: { exports, refused, unrecorded: [...before.unrecorded, ...owed] }, result: owed }
    })
    for (const each of owed) this.#record(each)
  }

  #record({ tenant, name, event }: Owed): void {
    const forget = (before: Changes) => ({
      changes: { ...before, unrecorded: before.unrecorded.filter(({ event: { id } }) => id !== event.id) },
      result: undefined,
    })
    void this.#activities
      .store({
        subject: subjects.activity(tenant, name as ActivityEventName),
        data: encode(event),
        msgId: event.id,
        contentType: eventContentType,
      })
      .then((stored) => (stored ? this.#write(forget) : undefined))
      .catch((error: unknown) =>
        this.#options.logger.warn(
          { err: error },
          'a change of exports was recorded, and may be once more after a restart',
        ),
      )
  }

  #write<T>(make: (before: Changes) => { changes: Changes; result: T }): Promise<T> {
    const written = this.#writing.then(async () => {
      const { changes, result } = make(this.#changes)
      if (changes !== this.#changes) await this.#options.bucket.put(key, encode(changes))
      this.#changes = changes
      return result
    })
    this.#writing = written.catch(() => {})
    return written
  }
}

function toldOf({ metadata: { name }, spec: { to, personal } }: AuditExport) {
  return { name, type: to.type, host: hostOf(to), personal }
}

/** Where a target is, with its port where it is not the usual one. */
function hostOf(to: ExportTarget): string {
  return to.type === 'syslog' ? `${to.host}:${to.port}` : new URL(to.url).host
}
