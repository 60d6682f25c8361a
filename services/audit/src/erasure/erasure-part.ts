import type { Bus } from '@countersign/bus'
import { WatchedFile } from '@countersign/config'
import type { Part } from '@countersign/runtime'
import type { Logger } from '@countersign/telemetry'
import { Erasure } from './erasure.ts'
import type { Personal } from './open-personal.ts'
import { readRetention } from './retention-document.ts'
import { serveErasure } from './serve-erasure.ts'
import type { ContentIndex } from './settle-deeds.ts'

export interface ErasurePartOptions {
  bus: Bus
  logger: Logger
  /** Asked for when the part starts. */
  personal: () => Personal | undefined
  index: () => ContentIndex
  retentionFile: string | undefined
}

const everyMs = { settle: 5000, expire: 10 * 60 * 1000 }

/** The part of audit that erases content and keeps legal holds. */
export function erasurePart({ bus, logger, personal, index, retentionFile }: ErasurePartOptions): Part {
  let erasure: Erasure | undefined
  let serving: { stop: () => void }
  return {
    name: 'erasure',
    async start() {
      const keys = personal()
      const retention = await openRetention(retentionFile, keys !== undefined, logger)
      erasure =
        keys &&
        new Erasure({
          ...{ bus, personal: keys, retention, everyMs },
          index: index(),
          now: () => new Date(),
          onExpired: (count) => logger.info({ keys: count }, 'content was over its time and is erased'),
          onRewrapped: (count) => logger.info({ keys: count }, 'keys of subjects are wrapped with the newest key'),
          onProblem: (error) => logger.error({ err: error }, 'erasing is behind; it is tried again'),
        })
      erasure?.start()
      serving = serveErasure(bus, erasure, (error) => logger.error({ err: error }, 'an order to erase failed'))
    },
    async stop() {
      serving.stop()
      await erasure?.stop()
    },
  }
}

async function openRetention(path: string | undefined, encrypts: boolean, logger: Logger) {
  if (path === undefined) return undefined
  if (!encrypts) {
    throw new Error(
      'COUNTERSIGN_AUDIT_RETENTION_FILE says how long content is kept, but nothing is encrypted that could be erased: set ' +
        'COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR and COUNTERSIGN_AUDIT_SUBJECT_KEK_FILE too',
    )
  }
  const file = new WatchedFile(path, readRetention, {
    onProblem: (problem) => logger.error(`${problem}; what was read before stays in force`),
  })
  await file.read()
  return () => file.read()
}
