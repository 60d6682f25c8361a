import { createHash, timingSafeEqual } from 'node:crypto'
import { WatchedFile } from '@countersign/config'
import { CountersignError, type Principal } from '@countersign/contracts'
import { z } from 'zod'
import { type User, UsersFile } from './users-file.ts'

/** Says who a bearer token belongs to. Identity providers will be further implementations. */
export interface Authenticator {
  /**
   * @param authorization the `Authorization` header, if any
   * @throws CountersignError `unauthenticated` for a missing, malformed, wrong or expired token
   */
  authenticate(authorization: string | undefined): Promise<Principal>
}

/** Authenticates against a local users file; a changed file is taken up within a second, a broken one changes nothing. */
export class UsersFileAuthenticator implements Authenticator {
  readonly #file: WatchedFile<Map<string, User>>
  readonly #now: () => number

  constructor(path: string, now: () => number = Date.now) {
    this.#file = new WatchedFile(path, readUsers, { now })
    this.#now = now
  }

  /** Why the newest file was refused, if it was. */
  get problem(): string | undefined {
    return this.#file.problem
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
      throw unauthenticated('the token has expired; ask for a new one')
    }
    return { id: user.id, tenant: user.tenant, groups: user.groups }
  }
}

function readUsers(text: string): Map<string, User> {
  const parsed = UsersFile.safeParse(JSON.parse(text))
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error))
  return new Map(parsed.data.users.map((user) => [user.tokenSha256, user]))
}

function unauthenticated(message: string): CountersignError {
  return new CountersignError('unauthenticated', message)
}
