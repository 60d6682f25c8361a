import { type CallProof, CountersignError } from '@countersign/contracts'
import { proveCall as proveFrom, readCheckpoint } from '@countersign/tlog'
import type { AuditLog } from './audit-log.ts'
import type { Tree } from './tree.ts'

/**
 * Proves what a tenant's log says about a call.
 *
 * @param indexes of all its entries
 * @throws CountersignError `unknown_call` for a call that the log does not have
 */
export async function proveCall(
  log: AuditLog,
  { tenant, callId }: { tenant: string; callId: string },
  indexes: readonly number[],
): Promise<CallProof> {
  const proof = await proveFrom(treeOf(log, tenant).place, { tenant, callId }, indexes)
  if (!proof) throw new CountersignError('unknown_call', `the audit log has no call ${callId}`)
  return proof
}

/** Proves that the newest checkpoint of a tenant's log goes on from a tree of an earlier size. */
export async function proveConsistency(log: AuditLog, tenant: string, from: number) {
  const tree = treeOf(log, tenant)
  const checkpoint = await tree.newestCheckpoint()
  const { size } = readCheckpoint(checkpoint)
  if (from > size) throw new CountersignError('invalid_params', `the audit log has ${size} records, fewer than ${from}`)
  const proof = await tree.reader.proveConsistency(from, size)
  return { from, checkpoint, proof: proof.map((hash) => hash.toString('base64')) }
}

function treeOf(log: AuditLog, tenant: string): Tree {
  const tree = log.opened(tenant)
  if (!tree || tree.size === 0) throw new CountersignError('not_found', `the audit log of ${tenant} is empty`)
  return tree
}
