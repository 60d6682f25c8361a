import type { Bucket } from '@countersign/bus'
import type { PoliciesView, DocumentProblem } from '@countersign/contracts'
import { type DocumentFile, folderSignature, problemLine, readFolder } from '@countersign/documents'
import { compileBundle, type PolicySet, policyView } from '@countersign/policies'
import type { Logger } from '@countersign/telemetry'
import { keepBundle, keptBundle, type KeptBundle } from './keep-bundle.ts'

/** A file that was just written may not be complete: it is taken when it looks the same twice. */
const pollMs = 250

/**
 * The policies in force. Follows a folder; a set with any problem is refused whole and the last good one stays in force, also across
 * restarts. An empty folder is no policy: every call is denied (I7).
 */
export class PolicyBundle {
  readonly #dir: string
  readonly #bucket: Bucket
  readonly #log: Logger
  #current: (PolicySet & { loadedAt: string }) | undefined
  #problems: DocumentProblem[] = []
  #kept: KeptBundle | undefined
  #taken: string | undefined
  #seen: string | undefined
  #timer: NodeJS.Timeout | undefined
  #polling: Promise<void> = Promise.resolve()

  constructor(dir: string, bucket: Bucket, log: Logger) {
    this.#dir = dir
    this.#bucket = bucket
    this.#log = log
  }

  /** The set in force; undefined when there is none. */
  get current(): PolicySet | undefined {
    return this.#current
  }

  /** Takes up what is in the folder, or else what was in force before, and follows the folder from then on. */
  async start(): Promise<void> {
    this.#kept = await keptBundle(this.#bucket)
    const signature = await folderSignature(this.#dir)
    await this.#take(signature)
    if (this.#problems.length > 0 && this.#kept) this.#restore(this.#kept)
    this.#poll()
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#polling
  }

  /** What `api.policy.policies` answers. */
  view(): PoliciesView {
    const { revision, loadedAt, policies } = this.#current ?? { revision: null, loadedAt: null, policies: [] }
    return { revision, loadedAt, policies: policies.map(policyView), problems: this.#problems }
  }

  #poll(): void {
    this.#timer = setTimeout(() => {
      this.#polling = this.#look()
        .catch((error: unknown) => this.#log.error({ err: error }, 'policies could not be taken up; trying again'))
        .then(() => {
          if (this.#timer) this.#poll()
        })
    }, pollMs)
  }

  async #look(): Promise<void> {
    const signature = await folderSignature(this.#dir)
    const settled = signature === this.#seen
    this.#seen = signature
    if (settled && signature !== this.#taken) await this.#take(signature)
  }

  async #take(signature: string): Promise<void> {
    const { files, problems } = await readFolder(this.#dir)
    const compiled = compileBundle(files)
    this.#problems = [...problems, ...compiled.problems]
    if (this.#problems.length > 0) {
      this.#log.error(
        { problems: this.#problems.map(problemLine), inForce: this.#current?.revision ?? this.#kept?.revision ?? null },
        'policies refused; what was in force before stays in force',
      )
    } else await this.#accept(compiled.set, files)
    // Last, so that what failed on the way is tried again.
    this.#taken = signature
  }

  async #accept(set: PolicySet, files: DocumentFile[]): Promise<void> {
    const none = set.policies.length === 0
    const same = this.#kept?.revision === set.revision
    const loadedAt = same ? this.#kept!.loadedAt : new Date().toISOString()
    const kept = none ? undefined : { revision: set.revision, loadedAt, files }
    if (JSON.stringify(kept) !== JSON.stringify(this.#kept)) await keepBundle(this.#bucket, kept)
    this.#kept = kept
    this.#current = none ? undefined : { ...set, loadedAt }
    if (none) this.#log.error('there is no policy, so every call is denied; put a ToolPolicy into the folder')
    else if (!same)
      this.#log.info({ revision: set.revision, policies: set.policies.map(({ name }) => name) }, 'policies in force')
  }

  #restore(kept: KeptBundle): void {
    const { set, problems } = compileBundle(kept.files)
    if (problems.length > 0) {
      // A newer release may judge more strictly than the one that accepted them.
      this.#log.error({ problems: problems.map(problemLine) }, 'the policies kept from before cannot be used')
      return
    }
    this.#current = { ...set, loadedAt: kept.loadedAt }
    this.#log.warn({ revision: kept.revision }, 'the last good policies are in force')
  }
}
