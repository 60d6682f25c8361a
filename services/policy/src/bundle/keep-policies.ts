import { type Bucket, encode, LostRace } from '@countersign/bus'
import { PoliciesInForce, policiesKey } from '@countersign/contracts'

const nothing: PoliciesInForce = { revision: null, loadedAt: null, files: [], redactions: [], unrecorded: [] }

/** What is kept, with what a change of it must name. */
interface Kept {
  policies: PoliciesInForce
  revision: number
  /** There is an entry, and it can be read. */
  known: boolean
}

/** The policies in force as every replica and the next start find them (I12): one entry of a bucket, changed by compare-and-set. */
export class KeptPolicies {
  readonly #bucket: Bucket

  constructor(bucket: Bucket) {
    this.#bucket = bucket
  }

  /** Reads what is kept; nothing in force when there is nothing, or nothing that can be read. */
  async read(): Promise<PoliciesInForce> {
    return (await this.#read()).policies
  }

  /**
   * Changes what is kept, on top of whatever another replica changed.
   *
   * @param change what is to be kept in place of what is; the same to leave it
   * @returns what is kept now
   */
  async change(change: (policies: PoliciesInForce) => PoliciesInForce): Promise<PoliciesInForce> {
    for (;;) {
      const { policies, revision, known } = await this.#read()
      const next = change(policies)
      if (known && JSON.stringify(next) === JSON.stringify(policies)) return policies
      try {
        await this.#bucket.replace(policiesKey, encode(next), revision)
        return next
      } catch (error) {
        if (!(error instanceof LostRace)) throw error
      }
    }
  }

  async #read(): Promise<Kept> {
    const { value, revision } = await this.#bucket.read(policiesKey)
    if (!value) return { policies: nothing, revision, known: false }
    try {
      return { policies: PoliciesInForce.parse(JSON.parse(new TextDecoder().decode(value))), revision, known: true }
    } catch {
      return { policies: nothing, revision, known: false }
    }
  }
}
