import { type ActivityEventData, count } from '@countersign/contracts'
import type { Deeds } from '@countersign/subject-keys'
import type { NewestEncrypted } from './find-encrypted.ts'

/**
 * Lets nobody begin with new keys by mistake: a folder that was not mounted or not restored would look as if nothing had been there,
 * and legal holds lie with the keys. A declaration names the newest record that it is about, so it is good for one loss alone (I7).
 *
 * @param lost the newest encrypted record of each tenant, newest first
 * @throws Error unless nothing is lost, or it was declared
 */
export function refuseUndeclared(
  keysDir: string,
  [newest, ...others]: readonly NewestEncrypted[],
  declared: string | undefined,
): void {
  if (!newest || newest.storedAt === declared) return
  const { tenant, index, storedAt } = newest
  const more = others.length === 0 ? '' : `, and in the logs of ${count(others.length, 'other tenant')}`
  throw new Error(
    `there are no keys of subjects in ${keysDir}, and the audit log holds content that was encrypted with them (the newest in record ${index} ` +
      `of ${tenant}, of ${storedAt}${more}). With new keys nothing of it could be read any more, and legal holds, which lie with the keys, would be ` +
      'forgotten. Put the folder back, or mount it, as COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR says; or, if the keys are lost for good, say so by ' +
      `COUNTERSIGN_AUDIT_SUBJECT_KEYS_LOST=${storedAt}: audit then begins with new ones, and the log records the loss`,
  )
}

/** Notes that keys were lost, within the caller's transaction; each tenant that lost some is told in its own log. */
export function noteLoss(deeds: Pick<Deeds, 'add'>, lost: readonly NewestEncrypted[], now: Date): void {
  for (const { tenant, storedAt: until } of lost) {
    const resource = { type: 'keys' as const, name: 'subjects' }
    const data: ActivityEventData<'keys_lost'> = { tenant, resource, by: 'audit', until }
    deeds.add({ id: crypto.randomUUID(), tenant, event: 'keys_lost', data, at: now.toISOString() })
  }
}
