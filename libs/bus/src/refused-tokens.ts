import type { ActivityLog } from './activity-log.ts'
import { countedOf, Repetitions } from './repetitions.ts'

const windowMs = 60_000

/** Who refuses tokens, and what the event of it is called. */
export interface TokenRefuser {
  service: 'console' | 'gateway'
  event: 'sign_in_refused' | 'token_refused'
  /** Whose log has it: what is of no single tenant is the platform's. */
  platformTenant: string
}

/**
 * Records that tokens were refused. They are nobody's, so all of them are one count: the first is told at once, what follows in one event a minute.
 * Tokens are never told, nor their hashes (I9).
 */
export class RefusedTokens {
  readonly #tokens: Repetitions<object>

  constructor(activities: Pick<ActivityLog, 'record'>, { service, event, platformTenant }: TokenRefuser) {
    this.#tokens = new Repetitions({
      windowMs,
      tell: (_what, times) =>
        void activities.record(event, {
          ...{ tenant: platformTenant, resource: { type: 'session', name: service }, by: service },
          ...countedOf(times),
        }),
    })
  }

  /** A request came with a token that is not good. */
  saw(address: string): void {
    this.#tokens.saw({}, { address })
  }

  /** Tells what was counted so far. */
  stop(): void {
    this.#tokens.stop()
  }
}
