import { type ActivityLog, type Repeated, Repetitions } from '@countersign/bus'
import type { Principal } from '@countersign/contracts'

/** Refusals are counted together for so long. */
const windowMs = 60_000

/**
 * Records who was not let in: tokens that are wrong or expired, and people who may not call tools. The first is told at once, what
 * follows in one event a minute with its number, so that nobody can fill the log. Tokens are never told, nor their hashes (I9). No
 * request waits for it.
 */
export class RefusedCallers {
  readonly #tokens: Repetitions<object>
  readonly #callers: Repetitions<Pick<Principal, 'id' | 'tenant'>>

  /** @param platformTenant whose log has what is of no single tenant: refused tokens */
  constructor(activities: Pick<ActivityLog, 'record'>, platformTenant: string, now: () => number = Date.now) {
    const resource = { type: 'session', name: 'gateway' } as const
    const counted = ({ count, since, until, addresses }: Repeated) => ({ count, since, until, addresses })
    this.#tokens = new Repetitions({
      ...{ windowMs, now },
      tell: (_what, times) =>
        void activities.record('token_refused', {
          ...{ tenant: platformTenant, resource, by: 'gateway' },
          ...counted(times),
        }),
    })
    this.#callers = new Repetitions({
      ...{ windowMs, now },
      tell: ({ id, tenant }, times) =>
        void activities.record('caller_refused', { tenant, resource, by: id, ...counted(times) }),
    })
  }

  /** A request came with a token that is not good. */
  token(address: string): void {
    this.#tokens.saw({}, { address })
  }

  /** A request came from a known person who may not call tools. */
  caller({ id, tenant }: Principal, address: string): void {
    this.#callers.saw({ id, tenant }, { address })
  }

  /** Tells what was counted so far. */
  stop(): void {
    this.#tokens.stop()
    this.#callers.stop()
  }
}
