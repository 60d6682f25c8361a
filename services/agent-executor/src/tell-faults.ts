import { type Bus, encode } from '@countersign/bus'
import type { WatchedFile } from '@countersign/config'
import { subjects, type ToldFaults, toldFaultsEveryMs } from '@countersign/contracts'
import type { Part } from '@countersign/runtime'
import type { Logger } from '@countersign/telemetry'
import type { GrantKeys } from './call/verify-grant.ts'

/**
 * Looks at the file of grant keys also while no grant comes, and tells the console while it cannot be used: no executor is asked, because
 * each replica has files of its own, and because who answers the console may write to its inbox (I11).
 */
export function tellFaults(
  bus: Pick<Bus, 'hint' | 'connected'>,
  log: Logger,
  executor: string,
  keys: WatchedFile<GrantKeys>,
): Part {
  let timer: NodeJS.Timeout | undefined
  const tell = async () => {
    await keys.read()
    const faults = keyFaults(keys.problem)
    // What is told while the bus is away would be kept for later. After the end there is no timer any more.
    if (faults.length > 0 && timer && bus.connected)
      bus.hint(subjects.faults('agent-executor', executor), encode({ faults } satisfies ToldFaults))
  }
  const look = () => void tell().catch((error: unknown) => log.error({ err: error }, 'a fault could not be told'))
  return {
    name: 'faults',
    start() {
      timer = setInterval(look, toldFaultsEveryMs).unref()
    },
    stop() {
      clearInterval(timer)
      timer = undefined
    },
  }
}

function keyFaults(problem: string | undefined): ToldFaults['faults'] {
  if (problem === undefined) return []
  const why = `${problem}; grants are checked against the keys read last, so those of a key that was added are refused (grant_invalid), those of a key that was taken out still run, and the executor will not start again`
  const remedy = 'mend the file, with the public key that policy signs with in it: it is read again within seconds'
  return [{ what: 'public keys of grants', problem: why, remedy }]
}
