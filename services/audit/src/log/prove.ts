import { type CallProof, CountersignError } from '@countersign/contracts'
import { ProofTooLarge, proveCall as proveFrom, readCheckpoint } from '@countersign/tlog'
import type { AuditLog } from './audit-log.ts'
import type { Tree } from './tree.ts'

/** Bytes of proven entries that one answer carries; the bus takes 8 MiB. */
const maxAnswerBytes = 7 * 1024 * 1024

/**
 * Proves what a tenant's log says about a call.
 *
 * @param indexes of its entries, from the first that is to be proven on
 * @returns as many of them as one answer carries, and the index of the next; null when there is none
 * @throws CountersignError `unknown_call` for a call that the log does not have, `invalid_params` for one with an event that no answer
 * carries
 */
export async function proveCall(
  log: AuditLog,
  { tenant, callId }: { tenant: string; callId: string },
  indexes: readonly number[],
): Promise<{ proof: CallProof; next: number | null }> {
  const proven = await proveFrom(treeOf(log, tenant).place, { tenant, callId }, indexes, maxAnswerBytes).catch(
    (error: unknown) => {
      throw error instanceof ProofTooLarge ? onlyFromFolder(callId, error) : error
    },
  )
  if (!proven) throw new CountersignError('unknown_call', `the audit log has no call ${callId}`)
  return { proof: proven.proof, next: proven.next ?? null }
}

function onlyFromFolder(callId: string, { size }: ProofTooLarge): CountersignError {
  return new CountersignError(
    'invalid_params',
    `an event of call ${callId} has ${size} bytes beside the log, and one answer carries ${maxAnswerBytes}: prove it from the log or a ` +
      `copy of it, with countersign audit prove ${callId} --log FOLDER`,
  )
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
