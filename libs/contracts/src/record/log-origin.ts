import { DnsLabel } from '../subjects.ts'

/** Whose logs they are, unless whoever runs audit says otherwise. */
export const defaultLogOwner = 'countersign.dev'

/** The name of a tenant's audit log: first line of its checkpoints, and name of the keys that sign them. */
export function auditLogOrigin(tenant: string, owner = defaultLogOwner): string {
  return `${owner}/audit/${tenant}`
}

/** The tenant of an audit log, by its name; undefined for a log of another kind. */
export function tenantOfOrigin(origin: string): string | undefined {
  const [, tenant] = /^[^\s/].*\/audit\/([^/]+)$/.exec(origin) ?? []
  return DnsLabel.safeParse(tenant).success ? tenant : undefined
}
