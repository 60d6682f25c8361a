import type { Bucket } from '@countersign/bus'
import { z } from 'zod'

/** Where an export is in the log of a tenant. */
const Cursor = z.object({
  /** Index of the first entry that was not acknowledged. */
  next: z.int().nonnegative(),
  /** Last index of the batch that is on its way: after a restart the same one is sent again, under the same id. */
  sending: z.int().nonnegative().optional(),
})
export type Cursor = z.infer<typeof Cursor>

/** Records that a target refused for good. They stay in the log; this names them. */
export const DeadLetter = z.object({
  first: z.int().nonnegative(),
  last: z.int().nonnegative(),
  reason: z.string(),
  at: z.iso.datetime(),
})
export type DeadLetter = z.infer<typeof DeadLetter>

/** What one export remembers, by tenant. */
export interface ExportMemory {
  cursors: Map<string, Cursor>
  /** By tenant and first index. */
  dead: Map<string, Map<number, DeadLetter>>
}

type KeptIn = Pick<Bucket, 'put' | 'remove' | 'follow' | 'standing'>

/** Cursors and dead letters of all exports, kept in the bucket `exports`, which audit alone writes (I12). */
export class ExportState {
  readonly #bucket: KeptIn
  readonly #memories = new Map<string, ExportMemory>()
  /** How the bucket stood when it was looked at last. */
  #standing: Awaited<ReturnType<Bucket['standing']>> | undefined

  constructor(bucket: KeptIn) {
    this.#bucket = bucket
  }

  /** Reads what was kept. */
  async read(): Promise<void> {
    this.#standing = await this.#bucket.standing()
    const following = await this.#bucket.follow(({ key, value }) => {
      const [kind, name = '', tenant = '', first = ''] = key.split('.')
      if (value === undefined) return
      const json = parse(value)
      const cursor = kind === 'cursor' ? Cursor.safeParse(json).data : undefined
      const letter = kind === 'dead' ? DeadLetter.safeParse(json).data : undefined
      if (cursor) this.of(name).cursors.set(tenant, cursor)
      if (letter) deadOf(this.of(name), tenant).set(Number(first), letter)
    })
    following.stop()
  }

  /**
   * Puts everything back when the bucket no longer has it: it was lost and made anew, or went back to an earlier state. Letters that were
   * discarded since that state are there again after the next start, so that none is ever lost.
   *
   * @param also puts back what others keep there
   * @returns whether it was put back
   */
  async putBackIfLost(also: () => Promise<void>): Promise<boolean> {
    const before = this.#standing
    const now = await this.#bucket.standing()
    const lost = before && (now.created !== before.created || now.lastRevision < before.lastRevision)
    if (lost) {
      await also()
      for (const [name, { cursors, dead }] of this.#memories) {
        for (const [tenant, cursor] of cursors) await this.#putCursor(name, tenant, cursor)
        for (const [tenant, letters] of dead) {
          for (const letter of letters.values()) await this.#putLetter(name, tenant, letter)
        }
      }
    }
    this.#standing = now
    return lost === true
  }

  of(name: string): ExportMemory {
    const known = this.#memories.get(name)
    if (known) return known
    const memory: ExportMemory = { cursors: new Map(), dead: new Map() }
    this.#memories.set(name, memory)
    return memory
  }

  /** Moves a cursor that is kept later: until then, what it has passed may be sent again. */
  moveCursor(name: string, tenant: string, cursor: Cursor): void {
    this.of(name).cursors.set(tenant, cursor)
  }

  async keepCursor(name: string, tenant: string, cursor: Cursor): Promise<void> {
    await this.#putCursor(name, tenant, cursor)
    this.of(name).cursors.set(tenant, cursor)
  }

  async addDead(name: string, tenant: string, letter: DeadLetter): Promise<void> {
    await this.#putLetter(name, tenant, letter)
    deadOf(this.of(name), tenant).set(letter.first, letter)
  }

  async removeDead(name: string, tenant: string, first: number): Promise<void> {
    await this.#bucket.remove(`dead.${name}.${tenant}.${first}`)
    deadOf(this.of(name), tenant).delete(first)
  }

  #putCursor(name: string, tenant: string, cursor: Cursor): Promise<void> {
    return this.#bucket.put(`cursor.${name}.${tenant}`, encode(cursor))
  }

  #putLetter(name: string, tenant: string, letter: DeadLetter): Promise<void> {
    return this.#bucket.put(`dead.${name}.${tenant}.${letter.first}`, encode(letter))
  }
}

/** Dead letters of a tenant, to be changed in place. */
export function deadOf({ dead }: ExportMemory, tenant: string): Map<number, DeadLetter> {
  const known = dead.get(tenant)
  if (known) return known
  const letters = new Map<number, DeadLetter>()
  dead.set(tenant, letters)
  return letters
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

function parse(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString())
  } catch {
    return undefined
  }
}
