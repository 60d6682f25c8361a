import { auditLogOrigin, type CallProof, CountersignError } from '@countersign/contracts'
import { proveCall as proveFrom, readCheckpoint } from '@countersign/tlog'
import type { RecordIndex } from '../query/record-index.ts'
import type { AuditLog } from './audit-log.ts'
import type { Tree } from './tree.ts'

/** Proves what a tenant's log says about a call. @throws CountersignError for a call that the log does not have */
export async function proveCall(log: AuditLog, index: RecordIndex, tenant: string, callId: string): Promise<CallProof> {
  const tree = treeOf(log, tenant)
  const found: number[] = []
  for (let before: number | null | undefined; before !== null;) {
    const query = { tenant, callId, limit: 1000, ...(before === undefined ? {} : { before }) }
    const page = await index.records(query)
    found.push(...page.records.map((record) => record.index))
    before = page.next
  }
  const proof = await proveFrom(tree.place, { tenant, callId }, found)
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
  if (!tree || tree.size === 0)
    throw new CountersignError('not_found', `the audit log ${auditLogOrigin(tenant)} is empty`)
  return tree
}
