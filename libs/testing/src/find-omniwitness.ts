import { findGoProgram } from './find-go-program.ts'

/** Finds the witness of transparency.dev (Apache-2.0), or builds it. */
export function findOmniwitness(): Promise<{ path: string } | { none: string }> {
  return findGoProgram({
    name: 'omniwitness',
    release: 'github.com/transparency-dev/witness/cmd/omniwitness@v0.0.0-20260720115447-2e1c6971d19e',
    setting: 'COUNTERSIGN_OMNIWITNESS',
    probe: '--help',
  })
}
