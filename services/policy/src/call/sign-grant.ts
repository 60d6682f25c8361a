import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { type Grant, type GrantClaims, grantKeyId, grantSigningInput } from '@countersign/contracts'

/** Signs the claims of one grant. */
export type SignGrant = (claims: GrantClaims) => Grant

/**
 * Makes the signer of grants: Ed25519 (RFC 8032) over `grantSigningInput`. The key id is the first 16 hex digits of the SHA-256 of the
 * public key's SPKI form.
 *
 * @param pem the private key, PKCS #8
 * @throws Error when it is not an Ed25519 private key
 */
export function signGrant(pem: string): SignGrant {
  const key = createPrivateKey(pem)
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new Error(`the grant key must be an Ed25519 private key, not ${key.asymmetricKeyType}`)
  }
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const keyId = grantKeyId(spki)
  return (claims) => ({
    claims,
    keyId,
    signature: sign(null, grantSigningInput(claims), key).toString('base64url'),
  })
}
