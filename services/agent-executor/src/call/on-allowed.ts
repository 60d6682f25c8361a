import { setTimeout as pause } from 'node:timers/promises'
import { type Bus, type Delivery, encode, LostRace, type RegistryView, Terminal } from '@countersign/bus'
import type { WatchedFile } from '@countersign/config'
import {
  type CallAddress,
  type CallEvent,
  canonicalJson,
  decodeEvent,
  type Failure,
  parseCallSubject,
  subjects,
  type ToolEntry,
} from '@countersign/contracts'
import type { Logger } from '@countersign/telemetry'
import type { Dialed, Dialer } from '../upstream/dial.ts'
import { askHolder } from './ask-holder.ts'
import { claim, type Claim, claimStands } from './claim.ts'
import { execute } from './execute.ts'
import { type Ending, endingOf, publishOutcome } from './publish-outcome.ts'
import { recover } from './recover.ts'
import { whatRan } from './what-ran.ts'
import { grantExpired, type GrantKeys, verifyGrant } from './verify-grant.ts'

/** What the steps of an execution work with. */
export interface ExecutorServices {
  bus: Bus
  log: Logger
  registry: RegistryView
  dialer: Dialer
  keys: WatchedFile<GrantKeys>
  /** This replica, as `dispatched` names it. */
  executor: string
  onEnded: (ending: Ending, tool: string, seconds: number) => void
}

/** How long a call waits for its server, in milliseconds since it was allowed; then it fails, and nothing ran. */
export interface Patience {
  /** One that did not take the call, while lifecycle has not noticed that it is away: it may be refusing everybody. */
  unnoticedMs: number
  /** One that is away. */
  awayMs: number
  /** One that is just being started. */
  startingMs: number
}

/** A call that may wait for its server. */
interface Waiting {
  at: CallAddress
  /** When it was allowed, in epoch milliseconds. */
  sinceMs: number
  /** Aborted when the caller withdraws. */
  signal: AbortSignal
}

/** What is sent, and whether it still may be. */
interface JudgedCall {
  argumentsText: string
  verdict: Verdict
  judge: () => Promise<Verdict>
}

/** What was judged of a call, by which entry of the registry. */
interface Verdict {
  tool: ToolEntry | undefined
  refusal: Failure | undefined
}

const usualPatience: Patience = { unnoticedMs: 1000, awayMs: 10_000, startingMs: 30_000 }
const lookForServerMs = 100
const readAgainMs = 500
/** An outcome must not be lost to an outage: storing it is tried for this long. */
const outcomePatienceMs = 600_000
/** The file of grant keys is not looked at more often than this, whatever grants say. */
const lookAgainMs = 100

/** Executes allowed calls: verify the grant, claim, execute, publish how it ended. */
export class OnAllowed {
  readonly #services: ExecutorServices
  readonly #patience: Patience
  #stopping = false
  /** Calls in hand here, so that a copy delivered meanwhile waits for the first, and a withdrawal finds its call. */
  readonly #inHand = new Map<string, { done: Promise<void>; abort: AbortController }>()

  constructor(services: ExecutorServices, patience = usualPatience) {
    this.#services = services
    this.#patience = patience
  }

  /** Handles one delivery of `allowed`; returning acknowledges it, after the final event is stored. */
  async handle(delivery: Delivery): Promise<void> {
    const at = parseCallSubject(delivery.subject)
    if (!at) throw new Terminal(`the subject ${delivery.subject} is not one of a call`)
    // The server thought we were gone, as after an outage of the bus: the call is still in hand.
    const first = this.#inHand.get(at.callId)
    if (first) return first.done
    const abort = new AbortController()
    const done = this.#run(at, delivery, abort.signal)
    this.#inHand.set(at.callId, { done, abort })
    try {
      await done
    } finally {
      this.#inHand.delete(at.callId)
    }
  }

  /** Lets no call wait for its server any more: another executor takes what was not claimed, and what was claimed ends, since nothing was sent. */
  stop(): void {
    this.#stopping = true
  }

  /** Whether a call is in hand here, for another executor that was given it too. */
  holds(callId: string): boolean {
    return this.#inHand.has(callId)
  }

  /** Passes a withdrawal on to the tool server, if the call is in hand here. */
  withdraw(callId: string): void {
    this.#inHand.get(callId)?.abort.abort()
  }

  async #run(at: CallAddress, delivery: Delivery, signal: AbortSignal): Promise<void> {
    const { bus, registry, executor } = this.#services
    const event = decodeEvent('allowed', delivery.data)
    let turn = { follows: delivery.seq, attempt: 1 }
    if (delivery.redelivered) {
      const history = await bus.history(at)
      if (history.lastSeq < delivery.seq)
        throw new Error('the history read is older than the grant; looking again later')
      const recovery = recover(history, event.data)
      if (recovery.action === 'leave') return
      const { claimedBy } = recovery
      // Its outcome is worth more than an `unknown`, and its call may be running (I5, I6).
      if (claimedBy !== undefined && claimedBy !== executor && (await askHolder(bus, claimedBy, at.callId)))
        throw new Error('the executor that claimed the call has it in hand; looking again later')
      if (recovery.action === 'declare-unknown') {
        const message = 'The executor stopped while the tool was running.'
        await this.#end(
          at,
          event,
          { name: 'unknown', error: { code: 'outcome_unknown', message } },
          recovery.follows,
          0,
        )
        return
      }
      turn = recovery
    }
    // The store's clock may be ahead of this one.
    const waiting = { at, sinceMs: Math.min(delivery.storedAt.getTime(), Date.now()), signal }
    // Before anything is judged: it is to hold when the call is sent.
    const dialed = await this.#dialed(waiting)
    if (!dialed && this.#stopping) throw new Error('this executor stops; the call is for another one')
    // Before the arguments are fetched, which may be gone by then.
    const expired = grantExpired(event.data, Date.now(), turn.attempt)
    if (expired) return this.#end(at, event, { name: 'failed', error: expired }, turn.follows, 0)
    const argumentsText = canonicalJson(await bus.payloads.fetch(event.data.arguments))
    const judge = async (): Promise<Verdict> => {
      const keys = await this.#keysWith(event.data.grant.keyId)
      const tool = registry.tool(at.server, event.data.tool)
      const about = { keys, address: at, argumentsText, tool, nowMs: Date.now(), attempt: turn.attempt }
      return { tool, refusal: verifyGrant(event.data, about) }
    }
    const verdict = await judge()
    if (verdict.refusal) return this.#end(at, event, { name: 'failed', error: verdict.refusal }, turn.follows, 0)
    await this.#execute(waiting, event, { argumentsText, verdict, judge }, turn)
  }

  /** The keys in force. One that is not among them may have been added just now: the file is looked at again. */
  async #keysWith(keyId: string): Promise<GrantKeys> {
    const { keys } = this.#services
    const known = await keys.read()
    return known.has(keyId) ? known : keys.read(lookAgainMs)
  }

  async #execute(
    waiting: Waiting,
    event: CallEvent<'allowed'>,
    call: JudgedCall,
    turn: { follows: number; attempt: number },
  ): Promise<void> {
    const { bus, dialer, executor } = this.#services
    const { at } = waiting
    const { data, traceparent } = event
    const { follows, attempt } = turn
    let claimed: Claim
    try {
      const credentials = dialer.of(at.server)?.credentials
      claimed = await claim(bus, at, data, { follows, attempt, executor, traceparent, credentials })
    } catch (error) {
      if (!(error instanceof LostRace)) throw error
      return this.#leave(at, error)
    }
    const started = performance.now()
    const ending = await this.#send(waiting, event, call, { attempt, claimed })
    await this.#end(at, event, ending, claimed.seq, performance.now() - started)
  }

  /**
   * Leaves a call whose history went on without this executor. Withdrawn in time, or ended: nothing to do. Else another executor claimed it,
   * and may die: then what is acknowledged here would be handed to nobody (I5).
   */
  async #leave(at: CallAddress, cause: unknown): Promise<void> {
    const { final } = await this.#services.bus.history(at)
    if (!final) throw new Error('another executor claimed the call; looking again later', { cause })
  }

  /**
   * Sends a claimed call. Where it is certain that nothing was sent, a server that is started again meanwhile is sent it once lifecycle
   * has looked at what it offers now (I13).
   *
   * @throws Error when another executor took the call over before it was sent
   */
  async #send(
    waiting: Waiting,
    { data, traceparent }: CallEvent<'allowed'>,
    { argumentsText, verdict, judge }: JudgedCall,
    { attempt, claimed }: { attempt: number; claimed: Claim },
  ): Promise<Ending> {
    const { bus, log, registry, dialer } = this.#services
    const { at, signal } = waiting
    let judged = verdict
    const notSent = (message: string) => endingOf({ kind: 'not-sent', message }, data.grant.claims.idempotent, attempt)
    for (;;) {
      const stands = await claimStands(bus, at, claimed).catch((error: unknown): undefined => {
        log.warn({ callId: at.callId, err: error }, 'it is not known whether a call may still be sent; looking again')
      })
      // Claiming takes a while, and so does waiting: what is sent is what was judged, and may be sent now (I4).
      if (registry.tool(at.server, data.tool) !== judged.tool) judged = await judge()
      const refusal = judged.refusal ?? grantExpired(data, Date.now(), attempt)
      if (refusal) return { name: 'failed', error: refusal }
      if (stands === undefined) {
        if (signal.aborted) return withdrawn(attempt)
        if (this.#stopping) return notSent('this executor stops')
        await pause(readAgainMs)
        continue
      }
      if (!stands) throw new Error('the call was taken for lost before it was sent, and went on without this executor')
      const dialed = dialer.of(at.server)
      const definition = judged.tool?.pinned?.definition
      const outcome = dialed
        ? await execute(bus, dialed, data, { argumentsText, definition, traceparent, signal })
        : ({ kind: 'not-sent', message: 'the server has no address now' } as const)
      if (outcome.kind !== 'not-sent') return endingOf(outcome, data.grant.claims.idempotent, attempt)
      const again = await this.#dialed(waiting, dialed)
      if (signal.aborted) return withdrawn(attempt)
      if (!again) return notSent(outcome.message)
    }
  }

  /** The connection to a call's server, another one than that which failed; waited for while there is none, and undefined in the end. */
  async #dialed(waiting: Waiting, failed?: Dialed): Promise<Dialed | undefined> {
    const since = performance.now()
    for (;;) {
      const dialed = this.#services.dialer.of(waiting.at.server)
      if (dialed && dialed !== failed) return dialed
      if (dialed && performance.now() - since > this.#patience.unnoticedMs) return undefined
      if (!this.#mayWait(waiting)) return undefined
      await pause(lookForServerMs)
    }
  }

  #mayWait({ at, sinceMs, signal }: Waiting): boolean {
    const conditions = this.#services.registry.server(at.tenant, at.server)?.conditions
    const available = conditions?.find(({ type }) => type === 'Available')
    const { awayMs, startingMs } = this.#patience
    if (this.#stopping || signal.aborted) return false
    return Date.now() - sinceMs < (available?.status === 'Unknown' ? startingMs : awayMs)
  }

  async #end(
    at: CallAddress,
    { data, traceparent }: CallEvent<'allowed'>,
    ending: Ending,
    follows: number,
    durationMs: number,
  ): Promise<void> {
    const { bus, log, onEnded } = this.#services
    const call = { fields: data, traceparent, durationMs }
    const deadlineMs = Date.now() + outcomePatienceMs
    for (;;) {
      try {
        const event = await publishOutcome(bus, at, call, ending, follows, deadlineMs)
        bus.hint(subjects.replies(data.replyTo), encode(event))
        onEnded(ending, data.tool, durationMs / 1000)
        return
      } catch (error) {
        if (error instanceof LostRace) {
          log.warn({ callId: at.callId, ending: ending.name }, 'the call went on without this executor')
          return this.#leave(at, error)
        }
        if (Date.now() >= deadlineMs) throw error
        // No space, or no object store: what the tool did is known here and nowhere else, so it is not given up.
        log.error({ callId: at.callId, err: error }, 'an outcome could not be stored; trying again')
        await pause(500)
      }
    }
  }
}

/** How a call ends that its caller withdrew before it was sent. */
function withdrawn(attempt: number): Ending {
  const message = `The caller withdrew before the call was sent; ${whatRan(attempt)}.`
  return { name: 'failed', error: { code: 'cancelled', message } }
}
