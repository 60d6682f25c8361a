import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort } from '@countersign/config'
import { type Cleanup, until } from '@countersign/testing'
import { checkRun } from './check/check-run.ts'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { Replica } from './harness/replica.ts'
import { driveCall } from './load/drive.ts'

/** What a load balancer needs to take a replica out before it is stopped. */
const drainMs = 200
/** How often people look what waits for them. */
const lookEveryMs = 100

/** Which replicas of a service a load balancer sends requests to, by their places. */
type InService = ReadonlySet<number>

/** Keeps calling through the gateways that are in service; every call must succeed. Those that are held wait for `startPeople`. */
function startCallers(cluster: Cluster, gateways: InService) {
  const tools = ['read', 'write', 'slow-read', 'slow-write', 'held-write'] as const
  const failures: string[] = []
  let going = true
  let n = 0
  const caller = async () => {
    while (going) {
      const tool = tools[++n % tools.length]!
      const gateway = [...gateways][n % gateways.size]!
      const answer = await driveCall(cluster, { n, tool, sequel: 'wait', gateway })
      if (answer.kind !== 'result' || answer.status !== 'succeeded') failures.push(`${tool}: ${JSON.stringify(answer)}`)
    }
  }
  const all = Promise.all(Array.from({ length: 8 }, caller))
  return {
    failures,
    get asked() {
      return n
    },
    async stop() {
      going = false
      await all
    },
  }
}

/** Starts two consoles beside a cluster, from their own `main.ts`; resolves to their addresses. */
async function startConsoles(t: Cleanup, { nats, replicas, state: { layout } }: Cluster): Promise<string[]> {
  const ports = [await freePort(), await freePort()]
  const consoles = ports.map((port, index) => {
    const name = `console-${index + 1}`
    const env = {
      PATH: process.env.PATH ?? '',
      COUNTERSIGN_NATS_URL: nats.url,
      COUNTERSIGN_NATS_PASSWORD_FILE: layout.passwords('console'),
      COUNTERSIGN_USERS_FILE: layout.users,
      COUNTERSIGN_CONSOLE_PORT: String(port),
    }
    const entry = '../../services/console/src/main.ts'
    return new Replica({ name, entry, args: [], env, logFile: join(layout.logs, `${name}.log`) })
  })
  t.after(async () => {
    await Promise.all(consoles.map((replica) => replica.end()))
  })
  await Promise.all(consoles.map((replica) => replica.start()))
  replicas.push(...consoles)
  return ports.map((port) => `http://127.0.0.1:${port}/api/v1`)
}

/** Has people use the consoles that are in service: one says yes to whatever waits, three only look. Every request must succeed. */
function startPeople({ state: { tokens } }: Cluster, urls: readonly string[], consoles: InService) {
  const failures: string[] = []
  let going = true
  let asked = 0
  let answered = 0
  let votes = 0
  const request = async (token: string, path: string, vote?: object): Promise<{ approvals?: Waiting[] }> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const sent = vote ? { method: 'POST', headers, body: JSON.stringify(vote) } : { headers }
    const place = [...consoles][++asked % consoles.size]!
    try {
      const response = await fetch(`${urls[place]!}${path}`, sent)
      const text = await response.text()
      if (!response.ok) throw new Error(`${response.status} ${text}`)
      answered += 1
      return JSON.parse(text) as { approvals?: Waiting[] }
    } catch (error) {
      failures.push(`${path}: ${String(error)} ${String((error as Error).cause ?? '')}`)
      return {}
    }
  }
  const voter = async () => {
    const done = new Set<string>()
    while (going) {
      const { approvals = [] } = await request(tokens.approver, '/approvals')
      for (const { callId, digest } of approvals.filter((each) => !done.has(each.callId))) {
        done.add(callId)
        await request(tokens.approver, `/approvals/${callId}/votes`, { decision: 'approve', digest })
        votes += 1
      }
      await pause(lookEveryMs)
    }
  }
  const onlooker = async () => {
    while (going) {
      await request(tokens.operator, '/approvals')
      await pause(lookEveryMs)
    }
  }
  const all = Promise.all([voter(), onlooker(), onlooker(), onlooker()])
  return {
    failures,
    get answered() {
      return answered
    },
    get votes() {
      return votes
    },
    async stop() {
      going = false
      await all
    },
  }
}

interface Waiting {
  callId: string
  digest: string
}

function pause(forMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, forMs))
}

test(
  'I5, I6, I12: every process is replaced under load, one after another, and no call fails, nor does a vote',
  { timeout: 400_000 },
  async (t) => {
    const cluster = await startCluster(t)
    const urls = await startConsoles(t, cluster)
    const inService = new Map(['gateway', 'console'].map((service) => [service, new Set([0, 1])]))
    const callers = startCallers(cluster, inService.get('gateway')!)
    const people = startPeople(cluster, urls, inService.get('console')!)
    // A run that failed must not go on for ever.
    t.after(() => void Promise.all([callers.stop(), people.stop()]))
    const flows = async (when: string) => {
      const [calls, votes, answers] = [callers.asked, people.votes, people.answered]
      await until(() => callers.asked > calls + 16, `calls flow ${when}`, 120_000)
      await until(() => people.votes > votes && people.answered > answers + 8, `votes flow ${when}`, 120_000)
    }
    await flows('at first')
    for (const replica of cluster.replicas) {
      const { service, name } = replica
      const place = cluster.of(service).indexOf(replica)
      inService.get(service)?.delete(place)
      await pause(drainMs)
      assert.equal(await replica.replace(), 0, `${name} ends cleanly`)
      inService.get(service)?.add(place)
      await flows(`after ${name} was replaced`)
    }
    await callers.stop()
    await people.stop()
    assert.deepEqual(callers.failures, [])
    assert.deepEqual(people.failures, [])
    assert.deepEqual(checkRun(await cluster.settled()), [])
    t.diagnostic(
      `${callers.asked} calls while ${cluster.replicas.length} processes were replaced; ${people.answered} answers of consoles, ${people.votes} votes`,
    )
  },
)
