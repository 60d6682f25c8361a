import { resolve } from 'node:path'
import type { ContentVerification, StoreLocation } from '@countersign/tlog'
import { CliError, exits } from '../../cli-error.ts'
import type { Invocation } from '../../command.ts'

/** With the keys of subjects: whether what is encrypted is what was sealed. */
export async function verifyOpened(
  location: StoreLocation,
  option: Invocation['option'],
  cwd: string,
): Promise<ContentVerification | undefined> {
  const [dir, kek] = [option('subject-keys'), option('kek')]
  if (dir === undefined && kek === undefined) return undefined
  if (dir === undefined || kek === undefined) {
    throw new CliError(
      exits.usage,
      '--subject-keys and --kek go together: the folder of keys, and what they are wrapped with',
    )
  }
  const { openKeyReader } = await import('@countersign/subject-keys')
  const { verifyContent } = await import('@countersign/tlog')
  try {
    const keys = await openKeyReader(resolve(cwd, dir), resolve(cwd, kek))
    try {
      return await verifyContent(location, keys.find)
    } finally {
      keys.close()
    }
  } catch (error) {
    throw new CliError(exits.usage, `the keys of subjects cannot be used: ${(error as Error).message}`)
  }
}
