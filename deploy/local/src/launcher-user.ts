import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { operatorsGroup, UsersFile } from '@countersign/identity'
import { writeSecret } from './write-secret.ts'

const id = 'launcher'

/** How the launcher asks the console while it starts. */
export interface LauncherUser {
  token: string
  /** Ends the token; nobody has it any more. */
  end(): Promise<void>
}

/**
 * Lets the launcher ask the console under its own name, so that the audit log does not say that an operator signed in when nobody did. A users
 * file that cannot be read stays as it is, and the token is not known then.
 *
 * @param usersFile of the services; others in it stay as they are
 */
export async function letLauncherIn(usersFile: string, tenant: string): Promise<LauncherUser> {
  const token = randomBytes(32).toString('base64url')
  const tokenSha256 = createHash('sha256').update(token).digest('hex')
  await replaceUser(usersFile, [{ id, tenant, groups: [operatorsGroup], tokenSha256 }])
  return { token, end: () => replaceUser(usersFile, []) }
}

async function replaceUser(path: string, launcher: UsersFile['users']): Promise<void> {
  const file = await readFile(path, 'utf8')
    .then((text) => UsersFile.parse(JSON.parse(text)))
    .catch(() => undefined)
  if (!file) return
  if (launcher.length === 0 && !file.users.some((user) => user.id === id)) return
  const users = [...file.users.filter((user) => user.id !== id), ...launcher]
  await writeSecret(path, `${JSON.stringify({ users }, undefined, 2)}\n`)
}
