import { type AuditRecord, canonicalJson, CallProof, sha256, tenantOfOrigin } from '@countersign/contracts'
import { readCheckpoint } from '../note/checkpoint.ts'
import { parseVerifierKey, type VerifierKey } from '../note/keys.ts'
import { checkTlogProof, decodeTlogProof } from '../note/tlog-proof.ts'
import type { WitnessPolicy } from '../witness/witness-policy.ts'
import { checkOrder } from './check-order.ts'
import { cosignaturesFor } from './check-witnesses.ts'
import { keysForLog } from './trusted-keys.ts'

/** What a proof proves. */
export interface ProvenCall {
  tenant: string
  callId: string
  events: { index: number; event: string; storedAt: string }[]
  /** The call is over, and how it ended is among the events; else it may have gone on. */
  complete: boolean
  /** How far the log went that vouches for it. */
  logSize: number
  signedBy: string[]
  /** Witnesses that cosigned, where a policy was given. */
  witnessedBy?: string[]
}

/**
 * Verifies the proof of a call, with nothing but the proof: each event is in the log, and together they are a call from its beginning on.
 *
 * @param trusted keys to trust, for the log that they name, or for every log where they name none; none: those that the file itself
 *   names, which proves less
 * @param witnesses who must have cosigned the checkpoint; none: cosignatures are not looked at
 * @throws Error saying which entry is not proven and why, or which event may not stand where it does
 */
export function verifyCallProof(
  text: string,
  trusted: readonly VerifierKey[] = [],
  witnesses?: WitnessPolicy,
): ProvenCall {
  const proof = parse(text)
  const { tenant, callId } = proof
  const { origin } = readCheckpoint(decodeTlogProof(proof.entries[0]?.proof ?? '').checkpoint)
  if (tenantOfOrigin(origin) !== tenant) throw new Error(`it is of another log, ${origin}`)
  const keys = trusted.length > 0 ? keysForLog(origin, trusted) : proof.verifierKeys.map(parseVerifierKey)
  const result: ProvenCall = { tenant, callId, events: [], complete: false, logSize: 0, signedBy: [] }
  for (const [place, { entry, proof: tlogProof, content }] of proof.entries.entries()) {
    const at = `entry ${place + 1} of ${proof.entries.length}`
    try {
      const { index, checkpoint, signedBy } = checkTlogProof(tlogProof, Buffer.from(entry), keys)
      if (checkpoint.origin !== origin) throw new Error(`it is of another log, ${checkpoint.origin}`)
      const cosigned = witnesses && cosignaturesFor(decodeTlogProof(tlogProof).checkpoint, witnesses)
      if (witnesses && !cosigned && !witnesses.isMetBy(new Set())) {
        throw new Error(`its checkpoint is not cosigned by ${witnesses.quorum}`)
      }
      if (cosigned) result.witnessedBy = cosigned.by
      const record = JSON.parse(entry) as Partial<AuditRecord>
      if (record.callId !== callId || record.tenant !== tenant) throw new Error('it is of another call')
      const last = result.events.at(-1)
      if (last && index <= last.index) throw new Error(`it is entry ${index} of the log, and comes after ${last.index}`)
      if (record.content && (!content || sha256(canonicalJson(content)) !== record.content.digest)) {
        throw new Error('the event beside it is not the one that it names by digest')
      }
      result.events.push({ index, event: String(record.event), storedAt: String(record.storedAt) })
      result.logSize = Math.max(result.logSize, checkpoint.size)
      result.signedBy = signedBy.map(({ name, id }) => `${name}+${id}`)
    } catch (error) {
      throw new Error(`${at} is not proven: ${(error as Error).message}`, { cause: error })
    }
  }
  result.complete = checkOrder(
    callId,
    result.events.map(({ event }) => event),
  )
  return result
}

function parse(text: string): CallProof {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new Error('it is not a proof: it is not JSON', { cause })
  }
  const parsed = CallProof.safeParse(json)
  if (!parsed.success) throw new Error('it is not a proof in the form countersign.dev/call-proof/v1')
  return parsed.data
}
