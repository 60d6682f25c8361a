import type { Part } from '@countersign/runtime'
import type { Logger } from '@countersign/telemetry'
import type { Settings } from '../config.ts'
import { findEncrypted } from '../erasure/find-encrypted.ts'
import { openPersonal, type Personal } from '../erasure/open-personal.ts'
import type { Fault } from '../erasure/watch-keys.ts'
import type { AuditMetrics } from '../metrics.ts'
import type { OpeningOf } from '../record/encrypt/open-record.ts'
import { readSealed } from '../record/encrypt/read-sealed.ts'
import type { AuditLog } from './audit-log.ts'
import { openLog } from './open-log.ts'
import { signingKeys, type SigningKeys } from './signing-keys.ts'

/** The part of audit that opens the log, and the keys of what is personal in it; all other parts work with them. */
export class LogPart implements Part {
  readonly name = 'log'
  /** There once the part has started. */
  log!: AuditLog
  personal: Personal | undefined
  #keys: SigningKeys | undefined
  readonly #config: Settings
  readonly #logger: Logger
  readonly #metrics: AuditMetrics
  readonly #usable: (met: boolean) => void

  constructor(config: Settings, logger: Logger, metrics: AuditMetrics, usable: (met: boolean) => void) {
    this.#config = config
    this.#logger = logger
    this.#metrics = metrics
    this.#usable = usable
  }

  async start(): Promise<void> {
    const config = this.#config
    const stays = (what: string) => ({ onProblem: (problem: string) => this.#logger.error(`${problem}; ${what}`) })
    const keys = signingKeys(config.auditKeyFile, stays('checkpoints are signed with the keys read before'))
    this.#keys = keys
    const place = {
      dir: config.auditDir,
      s3Url: config.auditS3Url,
      s3Region: config.auditS3Region,
      s3CredentialsFile: config.auditS3CredentialsFile,
      s3CaFile: config.auditS3CaFile,
      owner: config.auditLogOwner,
    }
    this.log = await openLog(place, keys)
    try {
      this.personal = await openPersonal(
        {
          keysDir: config.auditSubjectKeysDir,
          kekFile: config.auditSubjectKekFile,
          rulesFile: config.auditPersonalFile,
          logDir: config.auditDir,
          lostUntil: config.auditSubjectKeysLost,
        },
        stays('the keys read before stay in force'),
        () => findEncrypted(this.log),
      )
    } catch (error) {
      await this.log.close()
      throw error
    }
    this.#metrics.observe(this.log)
    this.#usable(true)
    const { size, tenants, last } = this.log
    this.#logger.info({ size, trees: tenants.length, last }, 'audit log is open')
  }

  /** A sealed record with what is personal in it readable, as far as its keys are there. */
  readonly read = (text: string, openingOf?: OpeningOf) => readSealed(text, this.personal?.keys, openingOf)

  /** What is wrong with the file of the keys that sign. */
  async faults(): Promise<Fault[]> {
    return (await this.#keys?.faults()) ?? []
  }

  async stop(): Promise<void> {
    await this.log.close()
    this.personal?.database.close()
  }
}
