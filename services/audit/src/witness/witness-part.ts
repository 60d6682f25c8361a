import type { Part } from '@countersign/runtime'
import type { Logger } from '@countersign/telemetry'
import type { LogPart } from '../log/log-part.ts'
import type { AuditMetrics } from '../metrics.ts'
import { witnessPolicyFile } from './witness-policy-file.ts'
import { Witnessing } from './witnessing.ts'

/** The part of audit that has others cosign checkpoints, beside sealing. */
export class WitnessPart implements Part {
  readonly name = 'witnesses'
  /** There once the part has started. */
  witnessing: Witnessing | undefined
  readonly #path: string
  readonly #everyMs: number
  readonly #logger: Logger
  readonly #metrics: AuditMetrics
  readonly #log: LogPart

  /** @param path of the file that names the witnesses */
  constructor(path: string, everyMs: number, logger: Logger, metrics: AuditMetrics, log: LogPart) {
    this.#path = path
    this.#everyMs = everyMs
    this.#logger = logger
    this.#metrics = metrics
    this.#log = log
  }

  async start(): Promise<void> {
    const policy = witnessPolicyFile(this.#path, {
      onProblem: (problem) => this.#logger.error(`${problem}; the witnesses read before are asked`),
    })
    await policy.read()
    this.witnessing = new Witnessing({
      trees: () => this.#log.log.trees,
      policy: () => policy.read(),
      everyMs: this.#everyMs,
      onCosigned: (witness) => this.#metrics.cosigned(witness),
      onFailure: (witness, why) => this.#metrics.notCosigned(witness, why),
      onProblem: (tenant, problem, conflict) => {
        const line = 'the newest checkpoint is not cosigned; calls and sealing go on'
        if (conflict) this.#logger.error({ tenant, problem }, 'a witness has seen another log under this name')
        else this.#logger.warn({ tenant, problem }, line)
      },
    })
    this.#metrics.observeWitnesses(this.witnessing)
    this.witnessing.start()
  }

  stop(): Promise<void> | void {
    return this.witnessing?.stop()
  }
}
