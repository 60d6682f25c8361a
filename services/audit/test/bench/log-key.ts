import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { ed25519Signer, type Signer } from '@countersign/tlog'

/** Who signs a log for benchmarks: its key lies beside its folder, because a log is only gone on with by who signed it. */
export function signersOf(dir: string): (origin: string) => Promise<Signer[]> {
  const file = `${dir}-key.pem`
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync('ed25519')
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  }
  const key = createPrivateKey(readFileSync(file))
  return (origin) => Promise.resolve([ed25519Signer(key, origin)])
}
