const prefix = 'countersign.dev/audit/'

/** The name of a tenant's audit log: first line of its checkpoints, and name of the keys that sign them. */
export function auditLogOrigin(tenant: string): string {
  return prefix + tenant
}

/** The tenant of an audit log, by its name; undefined for a log of another kind. */
export function tenantOfOrigin(origin: string): string | undefined {
  return origin.startsWith(prefix) ? origin.slice(prefix.length) : undefined
}
