import type { SealedRecord } from '@countersign/contracts'
import type { Log, TenantLog } from '../log/log.ts'

/** The newest record of a tenant's log that something is encrypted in. */
export interface NewestEncrypted {
  tenant: string
  index: number
  /** When its event was stored, ISO 8601. */
  storedAt: string
}

const encryptedMember = '"encrypted":['

/** The newest encrypted record of each tenant that has one, newest first. Reads logs from their ends: without such a record all of it. */
export async function findEncrypted(log: Pick<Log, 'tenants' | 'tree'>): Promise<NewestEncrypted[]> {
  const found: (NewestEncrypted | undefined)[] = []
  for (const tenant of log.tenants) found.push(await newestOf(tenant, log.tree(tenant)))
  return found.filter((each) => each !== undefined).toSorted((a, b) => b.storedAt.localeCompare(a.storedAt))
}

async function newestOf(tenant: string, tree: TenantLog): Promise<NewestEncrypted | undefined> {
  for await (const { index, text } of tree.backward(tree.size)) {
    // An event may say this too; most records do not, and are not parsed.
    if (!text.includes(encryptedMember)) continue
    const { record } = JSON.parse(text) as SealedRecord
    if (record.version !== 2 && record.encrypted) return { tenant, index, storedAt: record.storedAt }
  }
  return undefined
}
