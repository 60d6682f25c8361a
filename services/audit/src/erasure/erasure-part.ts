import type { Bus, Serving } from '@countersign/bus'
import type { Part } from '@countersign/runtime'
import type { Logger } from '@countersign/telemetry'
import type { LogIndex } from '../index/log-index.ts'
import { Erasure } from './erasure.ts'
import { findHeldCall } from './find-held-call.ts'
import type { Personal } from './open-personal.ts'
import { RetentionFile } from './retention-file.ts'
import { serveErasure } from './serve-erasure.ts'
import type { ContentIndex } from './settle-deeds.ts'
import type { Fault } from './watch-keys.ts'

export interface ErasurePartOptions {
  bus: Bus
  logger: Logger
  /** Asked for when the part starts. */
  personal: () => Personal | undefined
  index: () => ContentIndex & Pick<LogIndex, 'reach'>
  retentionFile: string | undefined
}

const everyMs = { settle: 5000, expire: 10 * 60 * 1000 }

/** The part of audit that erases content and keeps legal holds. */
export function erasurePart(options: ErasurePartOptions): Part & { faults: () => Fault[] } {
  const { bus, logger, personal, index, retentionFile } = options
  let erasure: Erasure | undefined
  let serving: Serving
  let retention: RetentionFile | undefined
  return {
    name: 'erasure',
    /** What is wrong with the files that content is kept and erased by. */
    faults: () => [...retentionFaults(retention), ...(personal()?.faults() ?? [])],
    async start() {
      const keys = personal()
      const file = openRetention(retentionFile, keys !== undefined, logger)
      await file?.start()
      retention = file
      erasure =
        keys &&
        new Erasure({
          ...{ bus, personal: keys, everyMs },
          retention: file && (() => file.read()),
          index: index(),
          callOf: async (tenant, callId, now) => findHeldCall(await index().reach(tenant), callId, now),
          now: () => new Date(),
          onExpired: (count) => logger.info({ keys: count }, 'content was over its time and is erased'),
          onRewrapped: (count) => logger.info({ keys: count }, 'keys of subjects are wrapped with the newest key'),
          onProblem: (error) => logger.error({ err: error }, 'erasing is behind; it is tried again'),
        })
      erasure?.start()
      serving = serveErasure(bus, erasure, (error) => logger.error({ err: error }, 'an order to erase failed'))
    },
    async stop() {
      await serving.stop()
      retention?.stop()
      await erasure?.stop()
    },
  }
}

function retentionFaults(retention: RetentionFile | undefined): Fault[] {
  if (retention?.problem === undefined) return []
  const problem = `${retention.problem}; until it is mended no content is erased by its age`
  return [{ what: 'retention file', problem, remedy: 'correct it: it is taken up within seconds' }]
}

function openRetention(path: string | undefined, encrypts: boolean, logger: Logger) {
  if (path === undefined) return undefined
  if (!encrypts) {
    throw new Error(
      'COUNTERSIGN_AUDIT_RETENTION_FILE says how long content is kept, but nothing is encrypted that could be erased: set ' +
        'COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR and COUNTERSIGN_AUDIT_SUBJECT_KEK_FILE too',
    )
  }
  return new RetentionFile(path, {
    onProblem: (problem) => logger.error(`${problem}; until it is mended no content is erased by its age`),
    onMended: () => logger.info({ file: path }, 'how long content is kept is known again'),
  })
}
