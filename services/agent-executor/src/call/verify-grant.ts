import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import {
  type Allowed,
  type CallFields,
  type Failure,
  type Grant,
  grantKeyId,
  grantSigningInput,
  sha256,
  type ToolEntry,
} from '@countersign/contracts'
import { whatRan } from './what-ran.ts'

/** The keys grants may be signed with, by key id. */
export type GrantKeys = ReadonlyMap<string, KeyObject>

/** Reads the public keys of a PEM file, one after another. */
export function readGrantKeys(pem: string): GrantKeys {
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[\s\S]+?-----END PUBLIC KEY-----/g) ?? []
  if (blocks.length === 0) throw new Error('there is no public key in it; it is a PEM file of Ed25519 public keys')
  return new Map(
    blocks.map((block) => {
      const key = createPublicKey(block)
      if (key.asymmetricKeyType !== 'ed25519') throw new Error('a grant key must be an Ed25519 public key')
      return [grantKeyId(key.export({ type: 'spki', format: 'der' })), key]
    }),
  )
}

/** What a grant is checked against. */
export interface GrantCheck {
  keys: GrantKeys
  /** Where the event was found: its subject, not its content. */
  address: Pick<CallFields, 'tenant' | 'server' | 'callId'>
  /** The text of the arguments that is about to be sent. */
  argumentsText: string
  /** The tool as the registry has it now. */
  tool: ToolEntry | undefined
  nowMs: number
  /** Which attempt this is, from 1. */
  attempt: number
}

/**
 * Verifies that a grant permits exactly the call that is about to be sent (I1, I3, I4): signature, every bound member, the digest
 * of the very text that will be sent, the validity period, and that the tool's pinned definition is still the one judged (I13).
 *
 * @returns undefined when it does, else why it is refused
 */
export function verifyGrant(allowed: Allowed, check: GrantCheck): Failure | undefined {
  const { grant } = allowed
  const { claims } = grant
  const { address, nowMs, tool, attempt } = check
  const refuse = (why: string): Failure => ({
    code: 'grant_invalid',
    message: `the grant was refused, because ${why}; ${whatRan(attempt)}`,
  })
  if (!isSigned(grant, check.keys)) return refuse('the signature does not verify with any known key')
  const bound = ['callId', 'tenant', 'server', 'method', 'tool', 'principal', 'digest'] as const
  const other = bound.find((member) => claims[member] !== allowed[member])
  if (other) return refuse(`it is for another ${other}`)
  const misplaced = (['callId', 'tenant', 'server'] as const).find((member) => claims[member] !== address[member])
  if (misplaced) return refuse(`it was found under another ${misplaced}`)
  if (sha256(check.argumentsText) !== claims.digest) return refuse('the arguments are not those that were approved')
  if (nowMs < Date.parse(claims.notBefore))
    return refuse(`it is not valid before ${claims.notBefore}; check the clocks`)
  const expired = grantExpired(allowed, nowMs, attempt)
  if (expired) return expired
  if (tool?.state !== 'pinned' || tool.pinned?.digest !== claims.definitionDigest) {
    return {
      code: 'definition_changed',
      message: `the tool is not the one that was judged any more; ${whatRan(attempt)}; list the tools and ask again`,
    }
  }
  return undefined
}

/** Why a grant is too old, if it is; undefined while it is good. */
export function grantExpired({ grant }: Allowed, nowMs: number, attempt: number): Failure | undefined {
  const { expiresAt } = grant.claims
  if (nowMs < Date.parse(expiresAt)) return undefined
  return {
    code: 'grant_expired',
    message: `the grant expired at ${expiresAt} before the call could be sent; ${whatRan(attempt)}; ask again`,
  }
}

function isSigned({ claims, keyId, signature }: Grant, keys: GrantKeys): boolean {
  const key = keys.get(keyId)
  return key !== undefined && verify(null, grantSigningInput(claims), key, Buffer.from(signature, 'base64url'))
}
