import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { StateLayout } from './state.ts'
import { writeSecret } from './write-secret.ts'

/** Earlier keys that are kept, the one in use among them: as many rotations in a row as grants of the first may outlive. */
const keptKeys = 4

const publicKeyBlock = /-----BEGIN PUBLIC KEY-----[\s\S]+?-----END PUBLIC KEY-----\n?/g

/**
 * Makes a new key that signs grants, also while everything runs: policy and the executors read their files again. Executors are
 * given the new public key first, and keep the last few, the one in use always, so that no call in flight is refused.
 *
 * @param revoke forget the earlier keys: what they signed and has not run yet is refused
 */
export async function rotateGrantKey(layout: StateLayout, revoke = false): Promise<void> {
  const kept = revoke ? [] : await keysToKeep(layout)
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  await writeSecret(layout.grantPublicKeys, [...kept, publicKey].join(''))
  await writeSecret(layout.grantKey, privateKey)
}

/** The last block is not always the key in use: a run may have died between the two writes. */
async function keysToKeep({ grantKey, grantPublicKeys }: StateLayout): Promise<string[]> {
  const earlier = existsSync(grantPublicKeys) ? await readFile(grantPublicKeys, 'utf8') : ''
  const inUse = createPublicKey(await readFile(grantKey))
    .export({ type: 'spki', format: 'pem' })
    .toString()
  const others = (earlier.match(publicKeyBlock) ?? []).filter((block) => block.trim() !== inUse.trim())
  return [...others.slice(1 - keptKeys), inUse]
}
