import { auditLogOrigin, type CallProof, CountersignError } from '@countersign/contracts'
import { encodeTlogProof, parseVerifierKey, verifierKeysFile } from '@countersign/tlog'
import type { RecordIndex } from '../query/record-index.ts'
import type { AuditLog } from './audit-log.ts'
import type { Tree } from './tree.ts'

/** Proves what a tenant's log says about a call: its entries, each with its place in the tree of the newest checkpoint. */
export async function proveCall(log: AuditLog, index: RecordIndex, tenant: string, callId: string): Promise<CallProof> {
  const tree = treeOf(log, tenant)
  const { verifierKeys, note, size } = await newestCheckpoint(tree)
  const found: number[] = []
  for (let before: number | null | undefined; before !== null;) {
    const query = { tenant, callId, limit: 1000, ...(before === undefined ? {} : { before }) }
    const page = await index.records(query)
    found.push(...page.records.map((record) => record.index))
    before = page.next
  }
  const places = found.filter((place) => place < size).toSorted((a, b) => a - b)
  if (places.length === 0) throw new CountersignError('unknown_call', `the audit log has no call ${callId}`)
  const entries = await Promise.all(
    places.map(async (place) => {
      const proof = await tree.reader.proveInclusion(place, size)
      return { ...(await tree.entryText(place)), proof: encodeTlogProof({ index: place, proof, checkpoint: note }) }
    }),
  )
  return { format: 'countersign.dev/call-proof/v1', tenant, callId, verifierKeys, entries }
}

/** Proves that the newest checkpoint of a tenant's log goes on from a tree of an earlier size. */
export async function proveConsistency(log: AuditLog, tenant: string, from: number) {
  const tree = treeOf(log, tenant)
  const { note, size } = await newestCheckpoint(tree)
  if (from > size) throw new CountersignError('invalid_params', `the audit log has ${size} records, fewer than ${from}`)
  const proof = await tree.reader.proveConsistency(from, size)
  return { from, checkpoint: note, proof: proof.map((hash) => hash.toString('base64')) }
}

function treeOf(log: AuditLog, tenant: string): Tree {
  const tree = log.opened(tenant)
  if (!tree || tree.size === 0)
    throw new CountersignError('not_found', `the audit log ${auditLogOrigin(tenant)} is empty`)
  return tree
}

async function newestCheckpoint(tree: Tree) {
  const listed = (await tree.readFile(verifierKeysFile)).toString()
  const verifierKeys = listed.split('\n').filter((line) => line !== '')
  const { note, checkpoint } = (await tree.reader.checkpoint(verifierKeys.map(parseVerifierKey)))!
  return { verifierKeys, note, size: checkpoint.size }
}
