import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readTextFile } from '@countersign/config'
import { type Condition, type LocalInfo, maxDocumentBytes } from '@countersign/contracts'
import { parseAllDocuments } from 'yaml'
import { root } from './options.ts'

/** A tool server as the screen shows it. */
export interface ToolServer {
  name: string
  ready: boolean
  /** How it stands, in words: how many tools it has, or why it is not ready. */
  standing: string
}

/** What of the console's answer is looked at. */
interface Listed {
  name: string
  ready: boolean
  toolCount: number
  quarantinedCount: number
  leftOut?: string
  conditions: Condition[]
  policies?: string[]
}

/** How long the samples may take; what they need is on this machine. */
const patienceMs = 15_000

/**
 * Waits until the sample servers can be called, or it is plain that they will not be soon. Other servers are not waited for: one
 * that is far away, slow or dead keeps nobody from working with the rest.
 *
 * @param token of whoever may list servers
 * @param folder the documents of this state; the samples among them are the user's to change or remove
 * @returns how every server of the folder stands now
 */
export async function awaitSamples(
  { console }: Pick<LocalInfo, 'console'>,
  token: string,
  folder: string,
): Promise<ToolServer[]> {
  const documents = await serversIn(folder)
  const samples = new Set(await readdir(join(root, 'deploy', 'local', 'samples', 'servers')))
  const awaited = documents.filter(({ file, startedHere }) => samples.has(file) && startedHere).map(({ name }) => name)
  const deadline = Date.now() + patienceMs
  for (;;) {
    const response = await fetch(`${console}/api/v1/servers`, {
      headers: { authorization: `Bearer ${token}` },
    }).catch(() => undefined)
    const { servers = [] } = ((await response?.json()) ?? {}) as { servers?: Listed[] }
    const settled = (name: string) => servers.some((server) => server.name === name && isSettled(server))
    if (awaited.every(settled) || Date.now() >= deadline) {
      const names = new Set([...servers.map(({ name }) => name), ...documents.map(({ name }) => name)])
      return [...names].toSorted().map((name) =>
        standingOf(
          name,
          servers.find((server) => server.name === name),
        ),
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The servers that documents name; what cannot be read is for lifecycle to complain about. */
async function serversIn(folder: string): Promise<{ file: string; name: string; startedHere: boolean }[]> {
  const files = (await readdir(folder)).filter((file) => /^[^.].*\.ya?ml$/.test(file))
  const found = await Promise.all(
    files.map(async (file) => {
      const text = await readTextFile(join(folder, file), maxDocumentBytes).catch(() => undefined)
      if (text === undefined) return [{ file, name: file, startedHere: false }]
      const documents = parseAllDocuments(text)
      return (Array.isArray(documents) ? documents : []).map((document) => ({
        file,
        name: document.getIn(['metadata', 'name']) ?? file,
        startedHere: document.getIn(['spec', 'source', 'type']) === 'Command',
      }))
    }),
  )
  return found.flat().map(({ name, ...rest }) => ({ ...rest, name: String(name) }))
}

/** Ready, or refused for good: its newest document is wrong. */
function isSettled({ ready, conditions }: Listed): boolean {
  return ready || conditions.some(({ type, status }) => type === 'Accepted' && status === 'False')
}

function standingOf(name: string, server: Listed | undefined): ToolServer {
  if (!server)
    return { name, ready: false, standing: 'not taken up: its document may be wrong; logs/lifecycle.log says why' }
  const { ready, toolCount, quarantinedCount, leftOut, conditions, policies } = server
  if (ready) {
    const tools = `${toolCount} ${toolCount === 1 ? 'tool' : 'tools'}`
    const unmentioned = policies?.length === 0 ? ', but no policy mentions it, so every call is denied' : ''
    const quarantined =
      quarantinedCount > 0 ? `, ${quarantinedCount} of them quarantined, so nobody can call those` : ''
    const others = leftOut === undefined ? '' : ', and others that cannot be used'
    return { name, ready, standing: `ready, ${tools}${quarantined}${others}${unmentioned}` }
  }
  const why = conditions.find(({ status }) => status === 'False') ?? conditions.find(({ status }) => status !== 'True')
  return { name, ready, standing: `not ready: ${why?.message ?? 'it was not looked at yet'}` }
}
