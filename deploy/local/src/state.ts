import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newPasswords } from '@countersign/bus/server'
import { type BusUser, busUsers, type LocalInfo } from '@countersign/contracts'
import { agentsGroup, operatorsGroup, type UsersFile } from '@countersign/identity'
import { rotateGrantKey } from './grant-keys.ts'
import { root } from './options.ts'
import { writeSecret } from './write-secret.ts'

/** The tenant of everybody in the users file. */
export const localTenant = 'default'

/** Where things lie in the state folder. */
export function stateLayout(dir: string) {
  return {
    dir,
    nats: join(dir, 'nats'),
    keys: join(dir, 'keys'),
    grantKey: join(dir, 'keys', 'grant.pem'),
    grantPublicKeys: join(dir, 'keys', 'grant.pub.pem'),
    auditKey: join(dir, 'keys', 'audit.pem'),
    subjectKeys: join(dir, 'subject-keys'),
    subjectKek: join(dir, 'keys', 'subject-kek'),
    redactionKey: join(dir, 'keys', 'redaction.key'),
    users: join(dir, 'users.json'),
    tokens: join(dir, 'keys', 'tokens.json'),
    passwords: (user: BusUser) => join(dir, 'keys', `nats-${user}.pass`),
    servers: join(dir, 'servers'),
    policies: join(dir, 'policies'),
    audit: join(dir, 'audit'),
    exports: join(dir, 'exports'),
    run: join(dir, 'run'),
    logs: join(dir, 'logs'),
    workspace: join(dir, 'workspace'),
    local: join(dir, 'local.json'),
    pid: join(dir, 'launcher.pid'),
  } as const
}
export type StateLayout = ReturnType<typeof stateLayout>

/** What later steps need of the state. */
export interface State {
  layout: StateLayout
  passwords: Record<BusUser, string>
  tokens: LocalInfo['tokens']
}

const groupsOf: Record<keyof LocalInfo['tokens'], string[]> = {
  agent: [agentsGroup],
  agent2: [agentsGroup],
  approver: ['approvers'],
  approver2: ['approvers'],
  operator: [operatorsGroup],
}

/** Makes the state folder, or opens it as it was left: keys, tokens, passwords, samples. `fresh` puts an earlier one aside. */
export async function openState(
  dir: string,
  fresh: boolean,
  everythingPort: number,
  say: (line: string) => void,
): Promise<State> {
  const layout = stateLayout(dir)
  const aside = fresh ? await forget(layout) : undefined
  if (aside) say(`the earlier state, with its policies, servers and files, is kept in ${aside}`)
  await mkdir(layout.dir, { recursive: true, mode: 0o700 })
  for (const folder of [layout.keys, layout.audit, layout.exports, layout.run, layout.logs])
    await mkdir(folder, { recursive: true, mode: 0o700 })
  await makeKeys(layout)
  await makeSubjectKek(layout)
  const passwords = await openPasswords(layout)
  const tokens = await openTokens(layout)
  if (!existsSync(layout.workspace)) {
    await mkdir(layout.workspace)
    await writeFile(
      join(layout.workspace, 'welcome.txt'),
      'Agents may read this folder freely; what they write here waits for approval.\n',
    )
  }
  await copySamples(layout, everythingPort)
  return { layout, passwords, tokens }
}

/** Moves the state aside, with everything that people put into it; resolves to where it went. */
async function forget(layout: StateLayout): Promise<string | undefined> {
  if (!existsSync(layout.dir)) return undefined
  const aside = `${layout.dir}.old-${new Date().toISOString().replaceAll(/[:.]/g, '')}`
  await rename(layout.dir, aside)
  return aside
}

async function makeKeys(layout: StateLayout): Promise<void> {
  if (!existsSync(layout.grantKey)) await rotateGrantKey(layout, true)
  if (!existsSync(layout.auditKey)) {
    const { privateKey } = generateKeyPairSync('ed25519')
    await writeSecret(layout.auditKey, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string)
  }
  if (!existsSync(layout.redactionKey)) await writeSecret(layout.redactionKey, randomBytes(32).toString('base64'))
}

/** What content of the audit log is encrypted with; an earlier log stays as it is. */
async function makeSubjectKek({ subjectKek }: StateLayout): Promise<void> {
  if (!existsSync(subjectKek)) await writeSecret(subjectKek, `${randomBytes(32).toString('base64')}\n`)
}

async function openPasswords(layout: StateLayout): Promise<Record<BusUser, string>> {
  const passwords = newPasswords()
  for (const user of busUsers) {
    const path = layout.passwords(user)
    if (existsSync(path)) passwords[user] = (await readFile(path, 'utf8')).trim()
    else await writeSecret(path, passwords[user])
  }
  return passwords
}

/** The tokens themselves are for the screen and `local.json`; services get a file of hashes. */
async function openTokens(layout: StateLayout): Promise<LocalInfo['tokens']> {
  if (existsSync(layout.tokens) && existsSync(layout.users)) return JSON.parse(await readFile(layout.tokens, 'utf8'))
  const names = Object.keys(groupsOf) as (keyof LocalInfo['tokens'])[]
  const tokens = Object.fromEntries(
    names.map((name) => [name, `cs_${name}_${randomBytes(32).toString('base64url')}`]),
  ) as LocalInfo['tokens']
  const users: UsersFile = {
    users: names.map((name) => ({
      id: name,
      tenant: localTenant,
      groups: groupsOf[name],
      tokenSha256: createHash('sha256').update(tokens[name]).digest('hex'),
    })),
  }
  await writeSecret(layout.users, `${JSON.stringify(users, undefined, 2)}\n`)
  await writeSecret(layout.tokens, JSON.stringify(tokens))
  return tokens
}

/** Copies the samples on the first start; afterwards the folders are the user's. */
async function copySamples(layout: StateLayout, everythingPort: number): Promise<void> {
  const values: Record<string, string> = {
    workspace: JSON.stringify(layout.workspace),
    // Inside a CEL string inside a YAML block scalar.
    workspaceCel: `'${layout.workspace.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`,
    everythingPort: String(everythingPort),
  }
  for (const kind of ['servers', 'policies'] as const) {
    if (existsSync(layout[kind])) continue
    const scratch = `${layout[kind]}.new`
    await rm(scratch, { recursive: true, force: true })
    await mkdir(scratch)
    const samples = join(root, 'deploy', 'local', 'samples', kind)
    for (const name of await readdir(samples)) {
      const text = await readFile(join(samples, name), 'utf8')
      await writeFile(
        join(scratch, name),
        text.replaceAll(/__(\w+?)__/g, (_match, key: string) => values[key] ?? ''),
      )
    }
    await rename(scratch, layout[kind])
  }
}
