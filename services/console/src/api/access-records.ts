import { type ActivityLog, countedOf, Repetitions } from '@countersign/bus'
import type { ActivityEventData, ErrorCode, Principal } from '@countersign/contracts'
import type { Part } from '@countersign/runtime'

/** How the audit log was read. */
export type AuditReadKind = ActivityEventData<'audit_read'>['kind']

/** What somebody asked for, as far as it is recorded. */
export interface Access {
  address: string
  /** What of the resource it was about: the parameters of the path. */
  target: string | undefined
}

type Who = Pick<Principal, 'id' | 'tenant'>

/** Refusals are told within a minute, what was read within ten. */
const refusedWindowMs = 60_000
const readWindowMs = 600_000

/**
 * Records who tried what is not theirs to do, and who read the audit log: of a person and a route, or a kind of reading, the first
 * time at once, and what follows in one event a window. No request waits for it, and none fails with it.
 */
export class AccessRecords implements Part {
  readonly name = 'access records'
  readonly #refused: Repetitions<Who & { route: string; code: ErrorCode }>
  readonly #read: Repetitions<Who & { kind: AuditReadKind }>

  constructor(activities: Pick<ActivityLog, 'record'>, now: () => number = Date.now) {
    this.#refused = new Repetitions({
      windowMs: refusedWindowMs,
      now,
      tell: ({ id, tenant, route, code }, times) =>
        void activities.record('access_refused', {
          ...{ tenant, resource: { type: 'api', name: route }, by: id, code },
          ...countedOf(times),
          targets: times.targets,
        }),
    })
    this.#read = new Repetitions({
      windowMs: readWindowMs,
      now,
      tell: ({ id, tenant, kind }, times) =>
        void activities.record('audit_read', {
          ...{ tenant, resource: { type: 'log', name: tenant }, by: id, kind },
          ...times,
        }),
    })
  }

  start(): void {}

  /**
   * A person was refused what is not theirs to do.
   *
   * @param route method and path of the route, with the names of its parameters and not their values
   */
  refused({ id, tenant }: Principal, route: string, code: ErrorCode, access: Access): void {
    this.#refused.saw({ id, tenant, route, code }, access)
  }

  /** A person was answered from the audit log. */
  read({ id, tenant }: Principal, kind: AuditReadKind, access: Access & { records?: number }): void {
    this.#read.saw({ id, tenant, kind }, access)
  }

  stop(): void {
    this.#refused.stop()
    this.#read.stop()
  }
}
