import { findGoProgram } from './find-go-program.ts'

/** Finds an S3 server for tests, Versity's gateway over a folder (Apache-2.0), or builds it. */
export function findVersitygw(): Promise<{ path: string } | { none: string }> {
  return findGoProgram({
    name: 'versitygw',
    release: 'github.com/versity/versitygw/cmd/versitygw@v1.8.0',
    setting: 'COUNTERSIGN_VERSITYGW',
    probe: '--version',
  })
}
