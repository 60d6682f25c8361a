import { type ActivityLog, countedOf, RefusedTokens, Repetitions } from '@countersign/bus'
import type { ErrorCode, Principal } from '@countersign/contracts'

/** Refusals are counted together for so long. */
const windowMs = 60_000

/**
 * Records what the gateway refuses without storing a call: tokens that are wrong, people whose token has expired or who may not call tools, and calls
 * while audit is behind or more are asked for than are let in. The first is told at once, what follows in one event a minute with its number, so that nobody can fill
 * the log. Tokens are never told, nor their hashes (I9). No request waits for it.
 */
export class Refusals {
  readonly #tokens: RefusedTokens
  readonly #callers: Repetitions<{ id: string; tenant: string; code: ErrorCode }>
  readonly #calls: Repetitions<{ tenant: string; code: ErrorCode }>

  readonly #onCall: (code: ErrorCode) => void

  /**
   * @param options.platformTenant whose log has what is of no single tenant: refused tokens
   * @param options.onCall told of each call that was refused
   */
  constructor(
    activities: Pick<ActivityLog, 'record'>,
    { platformTenant, onCall }: { platformTenant: string; onCall: (code: ErrorCode) => void },
  ) {
    this.#onCall = onCall
    const resource = { type: 'session', name: 'gateway' } as const
    this.#tokens = new RefusedTokens(activities, { service: 'gateway', event: 'token_refused', platformTenant })
    this.#callers = new Repetitions({
      windowMs,
      tell: ({ id, tenant, code }, times) =>
        void activities.record('caller_refused', { tenant, resource, by: id, code, ...countedOf(times) }),
    })
    this.#calls = new Repetitions({
      windowMs,
      tell: ({ tenant, code }, times) =>
        void activities.record('calls_refused', {
          ...{ tenant, resource: { type: 'api', name: 'tools/call' }, by: 'gateway', code },
          ...countedOf(times),
          principals: times.targets,
        }),
    })
  }

  /** A request came with a token that is not good. */
  token(address: string): void {
    this.#tokens.saw(address)
  }

  /** A request came from a known person, with a token that has expired, or who may not call tools. */
  caller({ id, tenant }: Principal, code: ErrorCode, address: string): void {
    this.#callers.saw({ id, tenant, code }, { address })
  }

  /** A call was refused before it was stored. */
  call({ id, tenant }: Principal, code: ErrorCode, address: string): void {
    this.#onCall(code)
    this.#calls.saw({ tenant, code }, { address, target: id })
  }

  /** Tells what was counted so far. */
  stop(): void {
    this.#tokens.stop()
    this.#callers.stop()
    this.#calls.stop()
  }
}
