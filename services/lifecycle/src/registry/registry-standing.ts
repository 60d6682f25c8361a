import type { Bucket } from '@countersign/bus'

const lookMs = 1000

/** Notices when the registry no longer has what was written to it: it was lost and made anew, or went back to an earlier state. */
export class RegistryStanding {
  readonly #bucket: Pick<Bucket, 'standing'>
  #last: { created: string; lastRevision: number }
  #lookAt = 0
  #looking = false

  private constructor(bucket: Pick<Bucket, 'standing'>, now: { created: string; lastRevision: number }) {
    this.#bucket = bucket
    this.#last = now
  }

  /** What is lost from now on is noticed. */
  static async of(bucket: Pick<Bucket, 'standing'>): Promise<RegistryStanding> {
    return new RegistryStanding(bucket, await bucket.standing())
  }

  /**
   * Looks, if the last look was long enough ago.
   *
   * @param onLost told of a loss; again at the next look unless it resolves
   */
  async look(onLost: () => Promise<void>): Promise<void> {
    if (this.#looking || performance.now() < this.#lookAt) return
    this.#looking = true
    try {
      const now = await this.#bucket.standing()
      if (now.created !== this.#last.created || now.lastRevision < this.#last.lastRevision) await onLost()
      this.#last = now
    } finally {
      this.#looking = false
      this.#lookAt = performance.now() + lookMs
    }
  }
}
