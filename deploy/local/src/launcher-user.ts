import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { operatorsGroup, type User, UsersFile } from '@countersign/identity'
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
 * file that cannot be read stays as it is, and the token is not known then. What a launcher that was killed left in it is taken out.
 *
 * @param usersFile of the services; others in it stay as they are, people who are called the same in another tenant or with other groups too
 * @throws Error of the file system where the list cannot be written
 */
export async function letLauncherIn(usersFile: string, tenant: string): Promise<LauncherUser> {
  const token = randomBytes(32).toString('base64url')
  const tokenSha256 = createHash('sha256').update(token).digest('hex')
  const isLeftOver = (user: User) =>
    user.id === id && user.tenant === tenant && user.groups.length === 1 && user.groups[0] === operatorsGroup
  await changeUsers(usersFile, isLeftOver, [{ id, tenant, groups: [operatorsGroup], tokenSha256 }])
  return { token, end: () => changeUsers(usersFile, (user) => user.tokenSha256 === tokenSha256, []) }
}

async function changeUsers(path: string, goes: (user: User) => boolean, comes: readonly User[]): Promise<void> {
  const file = await readFile(path, 'utf8')
    .then((text) => UsersFile.parse(JSON.parse(text)))
    .catch(() => undefined)
  if (!file) return
  if (comes.length === 0 && !file.users.some(goes)) return
  const users = [...file.users.filter((user) => !goes(user)), ...comes]
  await writeSecret(path, `${JSON.stringify({ users }, undefined, 2)}\n`)
}
