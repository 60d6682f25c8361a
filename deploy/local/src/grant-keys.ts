import { generateKeyPairSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { StateLayout } from './state.ts'
import { writeSecret } from './write-secret.ts'

const publicKeyBlock = /-----BEGIN PUBLIC KEY-----[\s\S]+?-----END PUBLIC KEY-----\n?/g

/**
 * Makes a new key that signs grants, also while everything runs: policy and the executors read their files again. Executors are
 * given the new public key first, and keep the one before, so that no call in flight is refused.
 *
 * @param revoke forget the earlier keys: what they signed and has not run yet is refused
 */
export async function rotateGrantKey(layout: StateLayout, revoke = false): Promise<void> {
  const earlier = existsSync(layout.grantPublicKeys) ? await readFile(layout.grantPublicKeys, 'utf8') : ''
  const kept = revoke ? [] : (earlier.match(publicKeyBlock) ?? []).slice(-1)
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  await writeSecret(layout.grantPublicKeys, [...kept, publicKey].join(''))
  await writeSecret(layout.grantKey, privateKey)
}
