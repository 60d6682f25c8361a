import type { DocumentProblem, PoliciesInForce, PoliciesView } from '@countersign/contracts'
import { type DocumentFile, folderSignature, problemLine, readFolder } from '@countersign/documents'
import { compileBundle, type PolicySet, policyView } from '@countersign/policies'
import type { Logger } from '@countersign/telemetry'
import { acceptPolicies } from './accept-policies.ts'
import type { KeptPolicies } from './keep-policies.ts'
import { TooManyUnrecorded } from './policies-activity.ts'
import { refusePolicies } from './refuse-policies.ts'

/** A file that was just written may not be complete: it is taken when it looks the same twice. */
const pollMs = 250
/** Time between two looks at whether the policies in force are still kept. */
const keptMs = 1000

export interface BundleOptions {
  /** The folder of documents. */
  dir: string
  kept: KeptPolicies
  log: Logger
  /** Whose audit log tells of changes. */
  tenant: string
  /** Told when there may be changes to record. */
  onChange: () => void
}

/**
 * The policies in force. Follows a folder; a set with any problem is refused whole and the last good one stays in force, also across
 * restarts. An empty folder is no policy: every call is denied (I7).
 */
export class PolicyBundle {
  readonly #options: BundleOptions
  #current: (PolicySet & { loadedAt: string }) | undefined
  #problems: DocumentProblem[] = []
  #told: string | undefined
  #taken: string | undefined
  #seen: string | undefined
  #lookAtKept = 0
  #timer: NodeJS.Timeout | undefined
  #polling: Promise<void> = Promise.resolve()

  constructor(options: BundleOptions) {
    this.#options = options
  }

  /** The set in force; undefined when there is none. */
  get current(): PolicySet | undefined {
    return this.#current
  }

  /** Takes up what is in the folder, or else what was in force before, and follows the folder from then on. */
  async start(): Promise<void> {
    const { dir, kept, log, onChange } = this.#options
    // First what an earlier process could not record any more: while too much of it waits, nothing is taken up.
    onChange()
    try {
      const now = await this.#take(await folderSignature(dir))
      if (this.#problems.length > 0) this.#restore(now)
    } catch (error) {
      if (!(error instanceof TooManyUnrecorded)) throw error
      log.error({ err: error }, 'policies could not be taken up; trying again')
      this.#restore(await kept.read())
    }
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
        .catch((error: unknown) =>
          this.#options.log.error({ err: error }, 'policies could not be taken up or kept; trying again'),
        )
        .then(() => {
          if (this.#timer) this.#poll()
        })
    }, pollMs)
  }

  async #look(): Promise<void> {
    const signature = await folderSignature(this.#options.dir)
    const settled = signature === this.#seen
    this.#seen = signature
    if (settled && signature !== this.#taken) await this.#take(signature)
    else await this.#keep()
  }

  async #keep(): Promise<void> {
    const { kept, log, onChange } = this.#options
    if (Date.now() < this.#lookAtKept) return
    this.#lookAtKept = Date.now() + keptMs
    if (!(await kept.putBackIfLost())) return
    log.error(
      { revision: this.#current?.revision },
      'the policies in force were lost from the store; they were put back',
    )
    onChange()
  }

  /** @returns what is kept then */
  async #take(signature: string): Promise<PoliciesInForce> {
    const { dir, kept, tenant, onChange } = this.#options
    const { files, problems } = await readFolder(dir)
    const compiled = compileBundle(files)
    this.#problems = [...problems, ...compiled.problems]
    const about = { now: new Date(), tenant }
    let now: PoliciesInForce
    if (this.#problems.length > 0) {
      now = await kept.change((before) => refusePolicies(before, { files, problems: this.#problems }, about))
      this.#tellProblems(now)
    } else now = await this.#accept(compiled.set, files, about)
    onChange()
    // Last, so that what failed on the way is tried again.
    this.#taken = signature
    return now
  }

  /** Nothing is in force before it is kept, and with it that it is to be recorded. */
  async #accept(set: PolicySet, files: DocumentFile[], about: { now: Date; tenant: string }): Promise<PoliciesInForce> {
    const { kept, log } = this.#options
    const before = this.#current?.revision ?? null
    const now = await kept.change((policies) => acceptPolicies(policies, { set, files }, about))
    const { revision, loadedAt } = now
    this.#told = undefined
    this.#current = revision === null ? undefined : { ...set, loadedAt: loadedAt! }
    if (revision === null) log.error('there is no policy, so every call is denied; put a ToolPolicy into the folder')
    else if (revision !== before)
      log.info({ revision, policies: set.policies.map(({ name }) => name) }, 'policies in force')
    return now
  }

  #tellProblems({ revision }: PoliciesInForce): void {
    const problems = this.#problems.map(problemLine)
    const told = problems.join('\n')
    if (told === this.#told) return
    this.#told = told
    this.#options.log.error(
      { problems, inForce: revision },
      'policies refused; what was in force before stays in force',
    )
  }

  #restore(kept: PoliciesInForce): void {
    if (kept.revision === null) return
    const { log } = this.#options
    const { set, problems } = compileBundle(kept.files)
    if (problems.length > 0) {
      // A newer release may judge more strictly than the one that accepted them.
      log.error({ problems: problems.map(problemLine) }, 'the policies kept from before cannot be used')
      return
    }
    this.#current = { ...set, loadedAt: kept.loadedAt! }
    log.warn({ revision: kept.revision }, 'the last good policies are in force')
  }
}
