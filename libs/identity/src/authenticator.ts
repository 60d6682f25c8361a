import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
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
  readonly #path: string
  readonly #now: () => number
  #users = new Map<string, User>()
  #stamp = ''
  #checkedAt = Number.NEGATIVE_INFINITY
  #refreshing: Promise<void> | undefined
  /** Why the newest file was refused, if it was. */
  problem: string | undefined

  constructor(path: string, now: () => number = Date.now) {
    this.#path = path
    this.#now = now
  }

  async authenticate(authorization: string | undefined): Promise<Principal> {
    const match = /^Bearer +([\w\-.~+/]+=*)$/i.exec(authorization ?? '')
    if (!match) throw unauthenticated('no bearer token was sent; add the header "Authorization: Bearer <token>"')
    if (this.#now() - this.#checkedAt >= 1000) this.#refreshing = this.#refresh()
    // Also for those who come while it is read: before the first reading nobody is known.
    await this.#refreshing
    const hash = createHash('sha256').update(match[1]!).digest('hex')
    const user = this.#users.get(hash)
    // The look-up is over a hash the caller cannot steer; the last word is a constant-time comparison all the same.
    if (!user || !timingSafeEqual(Buffer.from(hash), Buffer.from(user.tokenSha256))) {
      throw unauthenticated('the token is not known; use one from the users file')
    }
    if (user.expiresAt !== undefined && Date.parse(user.expiresAt) <= this.#now()) {
      throw unauthenticated('the token has expired; ask for a new one')
    }
    return { id: user.id, tenant: user.tenant, groups: user.groups }
  }

  async #refresh(): Promise<void> {
    this.#checkedAt = this.#now()
    try {
      const { mtimeMs, size } = await stat(this.#path)
      const stamp = `${mtimeMs}:${size}`
      if (stamp === this.#stamp) return
      const parsed = UsersFile.safeParse(JSON.parse(await readFile(this.#path, 'utf8')))
      if (!parsed.success) throw new Error(z.prettifyError(parsed.error))
      this.#users = new Map(parsed.data.users.map((user) => [user.tokenSha256, user]))
      this.#stamp = stamp
      this.problem = undefined
    } catch (error) {
      this.problem = `the users file ${this.#path} cannot be used: ${(error as Error).message}`
    }
  }
}

function unauthenticated(message: string): CountersignError {
  return new CountersignError('unauthenticated', message)
}
