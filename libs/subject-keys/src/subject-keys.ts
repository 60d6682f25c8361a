import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { type SubjectKey, subjectKey } from '@countersign/contracts'
import { BoundedMap } from './bounded-map.ts'
import type { KeyEncryptionKeys } from './key-encryption-keys.ts'
import { inTransaction } from './open-key-database.ts'

/** What a key is for. */
export interface KeyScope {
  tenant: string
  /** The principal whose payloads it encrypts. */
  subject: string
  kind: string
  /** A month in UTC, `2026-11`. */
  period: string
}

interface Row extends KeyScope {
  id: string
  kek: string
  wrapped: Uint8Array
}

const maxCached = 20_000
/** The initial value of RFC 3394. */
const keyWrapIv = Buffer.from('a6a6a6a6a6a6a6a6', 'hex')

/** The keys of subjects, wrapped by key-encryption keys. One process makes and erases them. */
export class SubjectKeys {
  readonly #database: DatabaseSync
  readonly #keks: KeyEncryptionKeys
  readonly #byScope = new BoundedMap<string, SubjectKey>(maxCached)
  readonly #byId = new BoundedMap<string, SubjectKey>(maxCached)
  /** Made, and not on disk yet. */
  #fresh: Row[] = []
  readonly #statements

  constructor(database: DatabaseSync, keks: KeyEncryptionKeys) {
    this.#database = database
    this.#keks = keks
    const sql = (text: string) => database.prepare(text)
    this.#statements = {
      ofScope: sql('SELECT id, kek, wrapped FROM keys WHERE tenant = ? AND subject = ? AND kind = ? AND period = ?'),
      ofId: sql('SELECT id, kek, wrapped FROM keys WHERE id = ?'),
      insert: sql('INSERT INTO keys (id, tenant, subject, kind, period, kek, wrapped) VALUES (?, ?, ?, ?, ?, ?, ?)'),
      ofSubject: sql('SELECT kind, period FROM keys WHERE tenant = ? AND subject = ? ORDER BY period, kind'),
      eraseSubject: sql('DELETE FROM keys WHERE tenant = ? AND subject = ?'),
      otherKek: sql('SELECT id, kek, wrapped FROM keys WHERE kek <> ? LIMIT ?'),
      rewrap: sql('UPDATE keys SET kek = ?, wrapped = ? WHERE id = ?'),
      keks: sql('SELECT kek, count(*) AS keys FROM keys GROUP BY kek'),
    }
  }

  /**
   * The key of a scope, made where there is none. Nothing that uses a new one may be sealed before `persist`.
   *
   * @throws Error when the key is wrapped with a key-encryption key that the file does not have
   */
  keyFor(scope: KeyScope): SubjectKey {
    const { tenant, subject, kind, period } = scope
    const name = `${tenant} ${kind} ${period} ${subject}`
    const known = this.#byScope.get(name)
    if (known) return known
    const row = this.#statements.ofScope.get(tenant, subject, kind, period) as Row | undefined
    const key = row ? this.#unwrap(row) : this.#make(scope)
    this.#byScope.set(name, key)
    this.#byId.set(key.id, key)
    return key
  }

  /** Puts new keys on disk; when it returns, what uses them may be sealed. */
  persist(): void {
    const rows = this.#fresh
    if (rows.length === 0) return
    inTransaction(this.#database, () => {
      for (const { id, tenant, subject, kind, period, kek, wrapped } of rows) {
        this.#statements.insert.run(id, tenant, subject, kind, period, kek, wrapped)
      }
    })
    this.#fresh = []
  }

  /** The key with an id; undefined for one that was erased, or was never here. */
  find(id: string): SubjectKey | undefined {
    const known = this.#byId.get(id)
    if (known) return known
    const row = this.#statements.ofId.get(id) as Row | undefined
    if (!row) return undefined
    const key = this.#unwrap(row)
    this.#byId.set(id, key)
    return key
  }

  /** The keys of a subject, by kind and month. */
  ofSubject(tenant: string, subject: string): Pick<KeyScope, 'kind' | 'period'>[] {
    return this.#statements.ofSubject.all(tenant, subject) as unknown as Pick<KeyScope, 'kind' | 'period'>[]
  }

  /** Erases all keys of a subject; returns how many there were. Within the caller's transaction, if there is one. */
  eraseSubject(tenant: string, subject: string): number {
    this.forgetCached()
    return Number(this.#statements.eraseSubject.run(tenant, subject).changes)
  }

  /** Forgets keys that were unwrapped or made and are in memory: some were erased. */
  forgetCached(): void {
    this.#byScope.clear()
    this.#byId.clear()
    this.#fresh = []
  }

  /** Key-encryption keys that keys are wrapped with and the file does not have, with how many keys each. */
  missingKeks(): { kek: string; keys: number }[] {
    const used = this.#statements.keks.all() as unknown as { kek: string; keys: number }[]
    return used.filter(({ kek }) => this.#keks.find(kek) === undefined)
  }

  /** Wraps keys anew that are not wrapped with the first key-encryption key, at most so many; returns how many. */
  rewrap(limit: number): number {
    const { first } = this.#keks
    const rows = (this.#statements.otherKek.all(first.id, limit) as unknown as Row[]).filter(({ kek }) =>
      this.#keks.find(kek),
    )
    if (rows.length === 0) return 0
    inTransaction(this.#database, () => {
      for (const row of rows) this.#statements.rewrap.run(first.id, this.#wrap(this.#unwrapped(row)), row.id)
    })
    return rows.length
  }

  #make(scope: KeyScope): SubjectKey {
    const id = randomBytes(16).toString('base64url')
    const bytes = randomBytes(32)
    this.#fresh.push({ ...scope, id, kek: this.#keks.first.id, wrapped: this.#wrap(bytes) })
    return subjectKey(id, bytes)
  }

  #wrap(bytes: Uint8Array): Buffer {
    const cipher = createCipheriv('id-aes256-wrap', this.#keks.first.key, keyWrapIv)
    return Buffer.concat([cipher.update(bytes), cipher.final()])
  }

  #unwrap(row: Row): SubjectKey {
    return subjectKey(row.id, this.#unwrapped(row))
  }

  #unwrapped({ id, kek, wrapped }: Row): Buffer {
    const key = this.#keks.find(kek)
    if (!key) {
      throw new Error(
        `the key ${id} of a subject is wrapped with the key-encryption key ${kek}, which the file does not have: put that one back`,
      )
    }
    const decipher = createDecipheriv('id-aes256-wrap', key, keyWrapIv)
    return Buffer.concat([decipher.update(wrapped), decipher.final()])
  }
}
