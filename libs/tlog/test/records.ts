import { generateKeyPairSync } from 'node:crypto'
import { auditLogOrigin, canonicalJson, type JsonObject, newCallId } from '@countersign/contracts'
import { TreeLog } from '../src/log/tree-log.ts'
import { ed25519Signer } from '../src/note/keys.ts'
import { DirectoryStore } from '../src/store/directory-store.ts'

export const created = '2026-11-22T09:00:00.5Z'
export const begunMs = Date.parse('2026-11-22T10:00:00Z')
export const privateKey = generateKeyPairSync('ed25519').privateKey

/** Events of calls in the order of the stream: whose, which call (a name), which event. */
export type Story = { tenant?: string; call: string; event: string; more?: JsonObject }[]

const ids = new Map<string, string>()
export function callIdOfName(name: string): string {
  let id = ids.get(name)
  if (id === undefined) ids.set(name, (id = newCallId(begunMs)))
  return id
}

/** Writes a log as audit does: a tree a tenant, records in the order of the stream, several appends. */
export async function writeLog(dir: string, story: Story, atOnce = 100): Promise<void> {
  const store = new DirectoryStore(dir)
  const trees = new Map<string, { log: TreeLog; entries: Buffer[] }>()
  const flush = async () => {
    for (const tree of trees.values()) {
      await tree.log.append(tree.entries)
      tree.entries = []
    }
  }
  for (const [place, { tenant = 'default', call, event, more = {} }] of story.entries()) {
    let tree = trees.get(tenant)
    if (!tree) {
      const signer = ed25519Signer(privateKey, auditLogOrigin(tenant))
      const log = await TreeLog.open({
        ...{ store, folder: `${tenant}/`, origin: auditLogOrigin(tenant) },
        signers: () => Promise.resolve([signer]),
      })
      trees.set(tenant, (tree = { log, entries: [] }))
    }
    tree.entries.push(recordOf(place + 1, tenant, call, event, more))
    if ((place + 1) % atOnce === 0) await flush()
  }
  await flush()
  await store.close()
}

/** One record, with what the verifier looks at; `more` goes over it. */
export function recordOf(seq: number, tenant: string, call: string, event: string, more: JsonObject = {}): Buffer {
  const storedMs = begunMs + seq * 10
  const deadline = new Date(storedMs + 60_000).toISOString()
  // A member that is undefined is left out.
  return Buffer.from(
    canonicalJson(
      present({
        ...{ version: 2, tenant, server: 'files', callId: callIdOfName(call), event },
        storedAt: new Date(storedMs).toISOString(),
        stream: { seq, previous: seq - 1, created },
        cloudEvent: { data: { tool: 'read_file', principal: 'agent', ...(event === 'requested' ? { deadline } : {}) } },
        ...more,
      }),
    ),
  )
}

function present(members: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

/** Calls that all pass to their end. */
export function wholeCalls(count: number, tenantOf = (_call: number) => 'default'): Story {
  return Array.from({ length: count }, (_, call) => call).flatMap((call) =>
    ['requested', 'allowed', 'dispatched', 'succeeded'].map((event) => ({
      ...{ tenant: tenantOf(call), call: `${count} ${call}`, event },
    })),
  )
}
