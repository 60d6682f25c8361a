import type { BusUser } from '@countersign/contracts'
import { type CommonConfig, type Part, runService, type ServiceContext } from '@countersign/runtime'
import { installClock } from './clock.ts'
import { Faults } from './faults.ts'
import { faultyBus } from './faulty-bus.ts'

/**
 * Runs a service as its own `main.ts` does, with a bus on which faults can happen and a clock that can be wrong. The first argument of the process, if any, is the
 * ack wait of all consumers in milliseconds.
 */
export function runWithFaults<C extends CommonConfig>(service: {
  name: BusUser
  config: () => C
  parts: (config: C, context: ServiceContext) => Part[]
}): Promise<void> {
  installClock()
  const faults = new Faults()
  const ackWaitMs = Number(process.argv[2]) || undefined
  return runService({
    ...service,
    parts: (config, context) => service.parts(config, { ...context, bus: faultyBus(context.bus, faults, ackWaitMs) }),
  })
}
