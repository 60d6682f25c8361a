import type { Telemetry } from '@countersign/telemetry'

/** What policy counts. */
export interface PolicyMetrics {
  /** A call was decided: the effect (a denial with its code) and, for a request, how long gathering and judging took, in seconds. */
  decided(effect: 'allow' | 'hold' | 'deny', code?: string, seconds?: number): void
  holdOpened(): void
}

/** Sets up the metrics of policy; `revision` is asked at each collection. */
export function policyMetrics(meter: Telemetry['meter'], revision: () => string | undefined): PolicyMetrics {
  const decisions = meter.createCounter('countersign.policy.decisions', { description: 'Calls decided, by effect' })
  const duration = meter.createHistogram('countersign.policy.decision.duration', {
    unit: 's',
    description: 'From reading a request to its verdict, without storing it',
  })
  const holds = meter.createCounter('countersign.policy.holds.opened', { description: 'Calls held for people' })
  meter
    .createObservableGauge('countersign.policy.revision', { description: 'The policy revision in force, as a label' })
    .addCallback((result) => {
      const current = revision()
      if (current) result.observe(1, { revision: current })
    })
  return {
    decided(effect, code, seconds) {
      decisions.add(1, { effect, ...(code === undefined ? {} : { code }) })
      if (seconds !== undefined) duration.record(seconds, { effect })
    },
    holdOpened: () => holds.add(1),
  }
}
