import type { Bus, BusFault } from '@countersign/bus'
import { subjects, ToldFaults, toldFaultsEveryMs } from '@countersign/contracts'
import type { Part } from '@countersign/runtime'

/** Replicas remembered at most. */
const maxRemembered = 1000
/** What was not told again for so long is mended, or its replica has ended. */
const forgetAfterMs = 3 * toldFaultsEveryMs

/** Remembers what replicas that nobody can ask tell of themselves. */
export class ReplicaFaults implements Part {
  readonly name = 'faults of replicas'
  readonly #bus: Pick<Bus, 'listen'>
  readonly #told = new Map<string, ToldFaults & { at: number }>()
  #listening: { stop: () => void } | undefined

  constructor(bus: Pick<Bus, 'listen'>) {
    this.#bus = bus
  }

  start(): void {
    this.#listening = this.#bus.listen(subjects.faults('*', '*'), (subject, payload) => this.#hear(subject, payload))
  }

  stop(): void {
    this.#listening?.stop()
  }

  /** What is told now; what several replicas of a service tell alike is one fault. */
  get faults(): BusFault[] {
    this.#forget()
    const all = [...this.#told].flatMap(([subject, { faults }]) =>
      faults.map((fault) => ({ fault, service: serviceOf(subject) })),
    )
    return [...Map.groupBy(all, (told) => JSON.stringify(told)).values()].map((alike) => {
      const { fault, service } = alike[0]!
      return { ...fault, what: `${fault.what} at ${alike.length === 1 ? service : `${alike.length} of ${service}`}` }
    })
  }

  #hear(subject: string, payload: Uint8Array): void {
    const { data } = ToldFaults.safeParse(JSON.parse(new TextDecoder().decode(payload)))
    if (!data) return
    this.#forget()
    if (!this.#told.has(subject) && this.#told.size >= maxRemembered) return
    this.#told.set(subject, { ...data, at: performance.now() })
  }

  #forget(): void {
    const now = performance.now()
    for (const [subject, { at }] of this.#told) if (now - at > forgetAfterMs) this.#told.delete(subject)
  }
}

function serviceOf(subject: string): string {
  return subject.split('.')[1]!
}
