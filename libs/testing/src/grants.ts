import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import {
  type Allowed,
  type CallFields,
  callFieldsOf,
  type GrantClaims,
  grantKeyId,
  grantSigningInput,
  type JsonObject,
} from '@countersign/contracts'

/** A key pair to sign grants with, in tests. */
export interface GrantSigner {
  publicPem: string
  keyId: string
  privateKey: KeyObject
}

export function newGrantSigner(): GrantSigner {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return {
    privateKey,
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    keyId: grantKeyId(spki),
  }
}

/** The data of an `allowed` event with a grant that verifies, for tests; `claims` overrides what is signed. */
export function allowedFixture(
  signer: GrantSigner,
  call: CallFields,
  args: JsonObject,
  claims: Partial<GrantClaims> & Pick<GrantClaims, 'definitionDigest'>,
): Allowed {
  const fields = callFieldsOf(call)
  const whole: GrantClaims = {
    ...fields,
    idempotent: false,
    policyRevision: 'test',
    approvals: [],
    notBefore: new Date(Date.now() - 1000).toISOString(),
    expiresAt: new Date(Date.now() + 60_000).toISOString(),
    ...claims,
  }
  const signature = sign(null, grantSigningInput(whole), signer.privateKey).toString('base64url')
  return {
    ...fields,
    arguments: { inline: args },
    grant: { claims: whole, keyId: signer.keyId, signature },
    decision: { policyRevision: 'test', rules: [], facts: {} },
    deadline: whole.expiresAt,
    replyTo: 'test',
  }
}
