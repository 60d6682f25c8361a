import { createHash, timingSafeEqual } from 'node:crypto'
import { readValue, WatchedFile, type WatchOptions } from '@countersign/config'
import { CountersignError, type Principal } from '@countersign/contracts'
import { type User, UsersFile } from './users-file.ts'

/** Says who a bearer token belongs to. Identity providers will be further implementations. */
export interface Authenticator {
  /**
   * @param authorization the `Authorization` header, if any
   * @throws CountersignError `unauthenticated` for a missing, malformed or wrong token; `TokenExpired` for one that was good once
   */
  authenticate(authorization: string | undefined): Promise<Principal>
  /** Why the newest list of users is not in force, when it is not; one that was taken away may still be let in then. */
  readonly problem: string | undefined
  /** Whose tokens of a tenant end before an instant, those that ended already among them, the earliest first. */
  expiring(tenant: string, beforeMs: number): Promise<readonly Expiring[]>
}

/** Thrown for a token that has expired; whose it was is for the record, and not told to the caller. */
export class TokenExpired extends CountersignError {
  readonly principal: Principal

  constructor(principal: Principal) {
    super('unauthenticated', 'the token has expired; ask for a new one')
    this.principal = principal
  }
}

/** Whose token ends, and when. */
export interface Expiring {
  id: string
  expiresAt: string
}

/** Authenticates against a local users file; a changed file is taken up within a second, a broken one changes nothing. */
export class UsersFileAuthenticator implements Authenticator {
  readonly #file: WatchedFile<Map<string, User>>
  readonly #now: () => number

  /** @param now tells whether a token has expired, in epoch milliseconds */
  constructor(path: string, options: WatchOptions = {}, now: () => number = Date.now) {
    this.#file = new WatchedFile(path, readUsers, options)
    this.#now = now
  }

  get problem(): string | undefined {
    return this.#file.problem
  }

  async expiring(tenant: string, beforeMs: number): Promise<readonly Expiring[]> {
    const users = await this.#file.read().catch(() => undefined)
    return [...(users?.values() ?? [])]
      .flatMap(({ id, tenant: of, expiresAt }) =>
        of === tenant && expiresAt !== undefined && Date.parse(expiresAt) < beforeMs ? [{ id, expiresAt }] : [],
      )
      .toSorted((a, b) => Date.parse(a.expiresAt) - Date.parse(b.expiresAt))
  }

  async authenticate(authorization: string | undefined): Promise<Principal> {
    const match = /^Bearer +([\w\-.~+/]+=*)$/i.exec(authorization ?? '')
    if (!match) throw unauthenticated('no bearer token was sent; add the header "Authorization: Bearer <token>"')
    // Before the first good reading nobody is known.
    const users = await this.#file.read().catch(() => undefined)
    const hash = createHash('sha256').update(match[1]!).digest('hex')
    const user = users?.get(hash)
    // The look-up is over a hash the caller cannot steer; the last word is a constant-time comparison all the same.
    if (!user || !timingSafeEqual(Buffer.from(hash), Buffer.from(user.tokenSha256))) {
      throw unauthenticated('the token is not known; use one from the users file')
    }
    if (user.expiresAt !== undefined && Date.parse(user.expiresAt) <= this.#now()) {
      throw new TokenExpired(principalOf(user))
    }
    return principalOf(user)
  }
}

function principalOf({ id, tenant, groups }: User): Principal {
  return { id, tenant, groups }
}

function readUsers(text: string): Map<string, User> {
  const { users } = readValue(UsersFile, readJson(text), { holdsSecrets: true })
  return new Map(users.map((user) => [user.tokenSha256, user]))
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message quotes the text, which is about credentials (I9).
    throw new Error('it is not JSON')
  }
}

function unauthenticated(message: string): CountersignError {
  return new CountersignError('unauthenticated', message)
}
