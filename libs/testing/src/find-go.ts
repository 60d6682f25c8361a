import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A Go that runs, on the PATH or where its own installer puts it; undefined where there is none. */
export async function findGo(): Promise<string | undefined> {
  for (const path of ['go', '/usr/local/go/bin/go']) {
    try {
      await run(path, ['version'], { timeout: 20_000 })
      return path
    } catch {
      // The next one may be there.
    }
  }
  return undefined
}
