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
  /** What was changed here last, and where it was kept. */
  #last: { policies: PoliciesInForce; created: string; revision: number } | undefined

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
      const { created } = await this.#bucket.standing()
      const { policies: found, revision, known } = await this.#read()
      // A bucket that was lost does not make nothing of what is in force.
      const policies = known ? found : (this.#last?.policies ?? found)
      const next = change(policies)
      const same = known && JSON.stringify(next) === JSON.stringify(policies)
      try {
        const now = same ? revision : await this.#bucket.replace(policiesKey, encode(next), revision)
        this.#last = { policies: next, created, revision: now }
        return next
      } catch (error) {
        if (!(error instanceof LostRace)) throw error
      }
    }
  }

  /**
   * Puts back what was changed here last when the bucket no longer has that or something newer: it was lost and made anew, or went
   * back to an earlier state. Otherwise calls would go on under policies that others, who take redactions from here, do not know.
   *
   * @returns whether it was put back
   */
  async putBackIfLost(): Promise<boolean> {
    const last = this.#last
    if (!last) return false
    const { created } = await this.#bucket.standing()
    const { policies, revision, known } = await this.#read()
    if (known && created === last.created && revision >= last.revision) return false
    // Another replica may have put it back.
    const same = known && policies.revision === last.policies.revision
    const now = same ? revision : await this.#bucket.replace(policiesKey, encode(last.policies), revision)
    this.#last = { policies: same ? policies : last.policies, created, revision: now }
    return !same
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
