import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** Files of a server's certificate, and of the authority that signed it, which no system trusts. */
export interface TestCertificate {
  caFile: string
  certFile: string
  keyFile: string
}

/** Makes a certificate for `localhost` and 127.0.0.1 in a folder, with `openssl`. */
export async function makeCertificate(dir: string): Promise<TestCertificate> {
  const at = (name: string) => join(dir, name)
  const [caFile, certFile, keyFile] = [at('tls-ca.pem'), at('tls-certificate.pem'), at('tls-key.pem')]
  const ca = ['-x509', '-days', '2', '-subj', '/CN=Countersign tests', '-keyout', at('tls-ca.key'), '-out', caFile]
  await run('openssl', ['req', ...newKey, ...ca])
  await run('openssl', ['req', ...newKey, '-subj', '/CN=localhost', '-keyout', keyFile, '-out', at('tls-request.pem')])
  await writeFile(at('tls-extensions'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  const signed = [
    '-CA',
    caFile,
    '-CAkey',
    at('tls-ca.key'),
    '-CAcreateserial',
    '-extfile',
    at('tls-extensions'),
    '-days',
    '2',
  ]
  await run('openssl', ['x509', '-req', '-in', at('tls-request.pem'), ...signed, '-out', certFile])
  return { caFile, certFile, keyFile }
}
