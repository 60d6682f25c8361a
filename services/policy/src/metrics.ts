import type { AuditStanding } from '@countersign/contracts'
import type { Telemetry } from '@countersign/telemetry'

/** What policy counts. */
export interface PolicyMetrics {
  /** A call was decided: the effect (a denial with its code) and, for a request, how long gathering and judging took, in seconds. */
  decided(effect: 'allow' | 'hold' | 'deny', code?: string, seconds?: number): void
  holdOpened(): void
}

/** Sets up the metrics of policy; `state` is asked at each collection. */
export function policyMetrics(
  meter: Telemetry['meter'],
  state: { revision: () => string | undefined; audit: () => AuditStanding },
): PolicyMetrics {
  const decisions = meter.createCounter('countersign.policy.decisions', { description: 'Calls decided, by effect' })
  const duration = meter.createHistogram('countersign.policy.decision.duration', {
    unit: 's',
    description: 'From reading a request to its verdict, without storing it',
  })
  const holds = meter.createCounter('countersign.policy.holds.opened', { description: 'Calls held for people' })
  meter
    .createObservableGauge('countersign.policy.revision', { description: 'The policy revision in force, as a label' })
    .addCallback((result) => {
      const current = state.revision()
      if (current) result.observe(1, { revision: current })
    })
  const auditGauge = (name: string, description: string, of: (standing: AuditStanding) => number | undefined) =>
    meter.createObservableGauge(`countersign.policy.audit.${name}`, { description }).addCallback((result) => {
      const value = of(state.audit())
      if (value !== undefined) result.observe(value)
    })
  auditGauge('lag', 'Events that audit has still to seal', ({ events }) => events)
  auditGauge('lag.limit', 'Above this, new calls are refused', ({ maxEvents }) => maxEvents)
  auditGauge('lag.seconds', 'Age of the oldest event that is not sealed', ({ oldestMs }) => inSeconds(oldestMs))
  auditGauge('lag.seconds.limit', 'Above this, new calls are refused', ({ maxAgeMs }) => inSeconds(maxAgeMs))
  meter
    .createObservableGauge('countersign.policy.refusing', {
      description: '1 while new calls are refused because of audit, by reason',
    })
    .addCallback((result) => {
      const refusedFor = refusalOf(state.audit())
      for (const reason of refusals) result.observe(reason === refusedFor ? 1 : 0, { reason })
    })
  return {
    decided(effect, code, seconds) {
      decisions.add(1, { effect, ...(code === undefined ? {} : { code }) })
      if (seconds !== undefined) duration.record(seconds, { effect })
    },
    holdOpened: () => holds.add(1),
  }
}

/** Why new calls are refused: too many events wait for audit, one waits too long, or nobody knows. */
const refusals = ['audit_events', 'audit_age', 'audit_unknown'] as const

function refusalOf({ state, events = 0, maxEvents }: AuditStanding): (typeof refusals)[number] | undefined {
  if (state === 'current') return undefined
  if (state === 'unknown') return 'audit_unknown'
  return events > maxEvents ? 'audit_events' : 'audit_age'
}

function inSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}
