import type { Bus, RegistryView } from '@countersign/bus'
import type { AuditStanding, Grant, GrantClaims } from '@countersign/contracts'
import type { Logger } from '@countersign/telemetry'
import type { PolicyMetrics } from '../metrics.ts'
import type { ArgumentChecks } from '@countersign/policies/schemas'
import type { PolicySet } from '@countersign/policies'

/** What the steps of policy work with. */
export interface PolicyContext {
  bus: Bus
  log: Logger
  registry: Pick<RegistryView, 'server' | 'tool' | 'toolsOf' | 'revision'>
  /** The documents in force just now. */
  policies: () => PolicySet | undefined
  audit: () => AuditStanding
  checks: ArgumentChecks
  /** Signs with the key in force. */
  sign: (claims: GrantClaims) => Promise<Grant>
  /** Why the file with that key cannot be used as it is now. */
  keyProblem: () => Promise<string | undefined>
  metrics: PolicyMetrics
  now: () => Date
}

/** How long storing one event is tried before the message is redelivered, in milliseconds. */
export const storePatienceMs = 5000
