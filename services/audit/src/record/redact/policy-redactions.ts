import type { Bucket } from '@countersign/bus'
import { PoliciesInForce, policiesKey } from '@countersign/contracts'
import { makeRedactor, type RedactionSettings } from './redaction-rules.ts'
import type { Redactor } from './redactor.ts'

/** It is not known yet what is to be taken out, or it cannot be taken out yet, so nothing may be sealed. */
export class RedactionsUnknown extends Error {
  override name = 'RedactionsUnknown'
}

/**
 * What policies say is to be taken out, as new as the events that it is asked for: policy keeps a set in its bucket before it is in
 * force, and the bucket is looked at after events were read. So no event of a call is sealed by older policies than decided it.
 */
export class PolicyRedactions {
  readonly #bucket: Pick<Bucket, 'read' | 'standing'>
  readonly #settings: RedactionSettings
  /** A bucket made anew counts from the start, so a revision means something only together with when its bucket was made. */
  #read: { created: string; revision: number; redactor: Redactor | undefined } | undefined

  constructor(bucket: Pick<Bucket, 'read' | 'standing'>, settings: RedactionSettings) {
    this.#bucket = bucket
    this.#settings = settings
  }

  /**
   * What takes out of calls what must not be sealed; undefined when nothing is to be taken out.
   *
   * @throws RedactionsUnknown while that is not known, or there is no key for it: then nothing may be sealed (I7)
   */
  async current(): Promise<Redactor | undefined> {
    const { created, lastRevision } = await this.#bucket.standing()
    if (this.#read?.created !== created || this.#read.revision !== lastRevision) {
      const { value, revision } = await this.#bucket.read(policiesKey)
      if (!value) {
        throw new RedactionsUnknown(
          'it is not known what policies take out of records, because policy has not taken up any yet; start policy',
        )
      }
      if (revision !== lastRevision) throw new RedactionsUnknown('the newest policies cannot be read yet')
      const { redactions } = PoliciesInForce.parse(JSON.parse(new TextDecoder().decode(value)))
      this.#read = { created, revision, redactor: this.#make(redactions) }
    }
    return this.#read.redactor
  }

  #make(redactions: PoliciesInForce['redactions']): Redactor | undefined {
    try {
      return makeRedactor(this.#settings, redactions)
    } catch (cause) {
      throw new RedactionsUnknown((cause as Error).message, { cause })
    }
  }
}
