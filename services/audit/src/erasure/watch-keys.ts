import { statSync } from 'node:fs'
import { join } from 'node:path'
import { count, verbs } from '@countersign/contracts'
import { databaseFile, type KeyEncryptionKeys, type SubjectKeys } from '@countersign/subject-keys'
import type { z } from 'zod'

/** Something that is not right, and what to do about it. */
export type Fault = z.infer<typeof verbs.audit.status.output>['faults'][number]

/**
 * Looks at the keys of subjects as they are on disk, each time it is asked. Audit goes on with the files it opened, so that they are gone
 * would else show only when it starts again, with new keys and nothing of before readable.
 *
 * @param keys as they were opened just now
 */
export function watchKeys({
  dir,
  kekFile,
  keys,
  keks,
}: {
  dir: string
  kekFile: string
  keys: Pick<SubjectKeys, 'missingKeks'>
  keks: Pick<KeyEncryptionKeys, 'problem'>
}): () => Fault[] {
  const path = join(dir, databaseFile)
  const opened = statSync(path, { bigint: true })
  return () => [...folderFaults(dir, path, opened.ino), ...kekFaults(kekFile, keys, keks)]
}

function folderFaults(dir: string, path: string, ino: bigint): Fault[] {
  const what = 'subject keys'
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  if (found?.ino !== ino) {
    const how = found ? 'is another file than the one that audit opened' : 'is not there any more'
    const problem = `${path} ${how}; audit goes on with what it opened, and when it ends, all content that was encrypted with it is lost`
    return [
      { what, problem, remedy: 'while audit runs, put the file back as it was, from a backup; then start audit again' },
    ]
  }
  const mode = statSync(dir).mode & 0o777
  if ((mode & 0o077) === 0) return []
  const problem = `${dir} has mode ${mode.toString(8)}, so others may read the keys, and audit will not start again`
  return [{ what, problem, remedy: `chmod 700 ${dir}` }]
}

function kekFaults(
  kekFile: string,
  keys: Pick<SubjectKeys, 'missingKeks'>,
  keks: Pick<KeyEncryptionKeys, 'problem'>,
): Fault[] {
  const what = 'subject keys'
  if (keks.problem !== undefined) {
    const problem = `${keks.problem}; those read before stay in force, and audit will not start again without`
    return [{ what, problem, remedy: 'put it back as it was: it is read again within seconds' }]
  }
  return keys.missingKeks().map(({ kek, keys: wrapped }) => ({
    what,
    problem: `${kekFile} does not have the key ${kek}, which ${count(wrapped, 'key')} of subjects need, so their content cannot be read, and audit will not start again`,
    remedy: 'put it back, as a further line: it is read again within seconds',
  }))
}
