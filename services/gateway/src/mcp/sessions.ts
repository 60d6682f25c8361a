import { type Bucket, encode } from '@countersign/bus'
import { CountersignError, type Principal } from '@countersign/contracts'
import { z } from 'zod'

const Session = z.object({
  principal: z.string(),
  tenant: z.string(),
  protocolVersion: z.string(),
  clientName: z.string(),
  createdAt: z.string(),
})
export type Session = z.infer<typeof Session>

const maxCached = 10_000
const cacheMs = 10_000

/** Legacy sessions, kept in the bucket `sessions` so that every replica and every restart knows them. Bound to their principal. */
export class Sessions {
  readonly #bucket: Bucket
  readonly #cache = new Map<string, { session: Session; at: number }>()

  constructor(bucket: Bucket) {
    this.#bucket = bucket
  }

  async open(principal: Principal, protocolVersion: string, clientName: string): Promise<string> {
    const id = crypto.randomUUID()
    const session: Session = {
      principal: principal.id,
      tenant: principal.tenant,
      protocolVersion,
      clientName: clientName.slice(0, 100),
      createdAt: new Date().toISOString(),
    }
    await this.#bucket.put(id, encode(session))
    this.#remember(id, session)
    return id
  }

  /** @throws CountersignError `session_not_found` for one that is unknown, ended, or somebody else's */
  async find(id: string, principal: Principal): Promise<Session> {
    const cached = this.#cache.get(id)
    const session = cached && Date.now() - cached.at < cacheMs ? cached.session : await this.#load(id)
    if (!session || session.principal !== principal.id || session.tenant !== principal.tenant) {
      throw new CountersignError('session_not_found', 'the session is unknown or has ended; send initialize again')
    }
    return session
  }

  /** Ends a session; what is thrown is as `find` throws it. */
  async end(id: string, principal: Principal): Promise<void> {
    await this.find(id, principal)
    this.#cache.delete(id)
    await this.#bucket.remove(id)
  }

  async #load(id: string): Promise<Session | undefined> {
    if (!/^[0-9a-f-]{36}$/.test(id)) return undefined
    const stored = await this.#bucket.get(id)
    const parsed = stored && Session.safeParse(JSON.parse(new TextDecoder().decode(stored)))
    if (!parsed?.success) return undefined
    this.#remember(id, parsed.data)
    return parsed.data
  }

  #remember(id: string, session: Session): void {
    this.#cache.delete(id)
    this.#cache.set(id, { session, at: Date.now() })
    if (this.#cache.size > maxCached) this.#cache.delete(this.#cache.keys().next().value!)
  }
}
