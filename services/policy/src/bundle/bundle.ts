import type { DocumentProblem, PoliciesInForce, PoliciesView } from '@countersign/contracts'
import { type DocumentFile, FolderWatch, problemLine, type ReadFiles } from '@countersign/documents'
import { compileBundle, type PolicySet, policyView } from '@countersign/policies'
import type { Logger } from '@countersign/telemetry'
import { acceptPolicies } from './accept-policies.ts'
import type { KeptPolicies } from './keep-policies.ts'
import { TooManyUnrecorded } from './policies-activity.ts'
import { refusePolicies } from './refuse-policies.ts'

const lookEveryMs = 250
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
  #lookAtKept = 0
  readonly #folder: FolderWatch<PoliciesInForce>

  constructor(options: BundleOptions) {
    this.#options = options
    this.#folder = new FolderWatch({
      dir: options.dir,
      everyMs: lookEveryMs,
      take: (read) => this.#take(read),
      onNothingNew: () => this.#keep(),
      onProblem: (error) => options.log.error({ err: error }, 'policies could not be taken up or kept; trying again'),
    })
  }

  /** The set in force; undefined when there is none. */
  get current(): PolicySet | undefined {
    return this.#current
  }

  /** Takes up what is in the folder, or else what was in force before, and follows the folder from then on. */
  async start(): Promise<void> {
    const { kept, log, onChange } = this.#options
    // First what an earlier process could not record any more: while too much of it waits, nothing is taken up.
    onChange()
    try {
      const now = await this.#folder.takeNow()
      if (this.#problems.length > 0) this.#restore(now)
    } catch (error) {
      if (!(error instanceof TooManyUnrecorded)) throw error
      log.error({ err: error }, 'policies could not be taken up; trying again')
      this.#restore(await kept.read())
    }
    this.#folder.follow()
  }

  async stop(): Promise<void> {
    await this.#folder.stop()
  }

  /** What `api.policy.policies` answers. */
  view(): PoliciesView {
    const { revision, loadedAt, policies } = this.#current ?? { revision: null, loadedAt: null, policies: [] }
    return { revision, loadedAt, policies: policies.map(policyView), problems: this.#problems }
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
  async #take({ files, problems }: ReadFiles): Promise<PoliciesInForce> {
    const { kept, tenant, onChange } = this.#options
    const compiled = compileBundle(files)
    this.#problems = [...problems, ...compiled.problems]
    const about = { now: new Date(), tenant }
    let now: PoliciesInForce
    if (this.#problems.length > 0) {
      now = await kept.change((before) => refusePolicies(before, { files, problems: this.#problems }, about))
      this.#tellProblems(now)
    } else now = await this.#accept(compiled.set, files, about)
    onChange()
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
