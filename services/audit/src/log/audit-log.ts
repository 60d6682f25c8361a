import { auditLogOrigin, DnsLabel } from '@countersign/contracts'
import { emptyRoot, type Signer, type Store, TreeLog } from '@countersign/tlog'
import type { RecordText } from '../record/record-text.ts'
import type { Log, Sealed, TenantLog } from './log.ts'
import { laterOf, type StreamPositions } from './stream-position.ts'
import { Tree } from './tree.ts'

export interface AuditLogOptions {
  store: Store
  /** Begins the name of every log: whose they are. Left out, the product's own. */
  owner?: string
  /** Who signs now, under a name. */
  signers: (origin: string) => Promise<readonly Signer[]>
}

/** The audit log in a store: a folder for each tenant, with its tree in it. */
export class AuditLog implements Log {
  readonly #options: AuditLogOptions
  readonly #trees = new Map<string, Tree>()
  #last: StreamPositions = {}
  #appending = false

  /** @param trees those that are there */
  constructor(options: AuditLogOptions) {
    this.#options = options
  }

  /** Opens the trees that are there. */
  async open(): Promise<void> {
    await this.#options.store.claim()
    for (const name of await this.#options.store.list('')) {
      const tenant = name.slice(0, -1)
      if (name.endsWith('/') && DnsLabel.safeParse(tenant).success) await this.#openTree(tenant)
    }
    // A batch over several trees says in the last of them that all of it is sealed; of what is newer each tree knows by itself.
    for (const { meta } of this.#trees.values()) if (meta) this.#last = laterOf(this.#last, meta.sealed)
  }

  get size(): number {
    return this.#trees.values().reduce((sum, { size }) => sum + size, 0)
  }

  get last(): StreamPositions {
    return this.#last
  }

  get tenants(): string[] {
    return [...this.#trees.keys()].toSorted()
  }

  tree(tenant: string): TenantLog {
    return this.#trees.get(tenant) ?? emptyTree
  }

  /** All trees. */
  get trees(): Tree[] {
    return [...this.#trees.values()]
  }

  /** The tree with its proofs; undefined for a tenant without records. */
  opened(tenant: string): Tree | undefined {
    return this.#trees.get(tenant)
  }

  async append(records: readonly RecordText[]): Promise<Sealed[]> {
    const newest = records.at(-1)
    if (!newest) return []
    if (this.#appending) throw new Error('the audit log has one writer: an append is still going on')
    this.#appending = true
    try {
      const { stream, created, seq, storedAt } = newest
      if (records.some((record) => record.stream !== stream)) throw new Error('an append is of one stream')
      const before = this.#last
      const after = { ...before, [stream]: { created, seq, storedAt } }
      const groups = [...Map.groupBy(records, ({ tenant }) => tenant)]
      const trees = await Promise.all(groups.map(([tenant]) => this.#openTree(tenant)))
      const last = groups.length - 1
      const parts = groups.slice(0, last).map(([, part], place) => trees[place]!.append(part, before))
      const results = await Promise.allSettled(parts)
      const sealed = results.flatMap((result) => {
        if (result.status === 'rejected') throw result.reason
        return result.value
      })
      sealed.push(...(await trees[last]!.append(groups[last]![1], after)))
      this.#last = after
      return sealed.toSorted((a, b) => a.record.seq - b.record.seq)
    } finally {
      this.#appending = false
    }
  }

  async renew(): Promise<void> {
    for (const tree of this.#trees.values()) await tree.renew()
  }

  async close(): Promise<void> {
    await this.#options.store.close()
  }

  async #openTree(tenant: string): Promise<Tree> {
    const known = this.#trees.get(tenant)
    if (known) return known
    const { store, signers, owner } = this.#options
    const [folder, origin] = [`${tenant}/`, auditLogOrigin(tenant, owner)]
    const log = await TreeLog.open({ store, folder, origin, signers: () => signers(origin) })
    const tree = new Tree(tenant, log, store, folder)
    this.#trees.set(tenant, tree)
    return tree
  }
}

const emptyTree: TenantLog = {
  size: 0,
  root: emptyRoot,
  sealedAt: undefined,
  read: () => Promise.resolve([]),
  async *readEach() {},
  async *backward() {},
}
