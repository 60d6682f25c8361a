import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bus, connectBus } from '@countersign/bus'
import type { BusUser } from '@countersign/contracts'
import { launch, type Running } from '@countersign/local'
import { until } from '@countersign/testing'
import type { LoadJob } from './load.ts'
import { type BenchProcesses, benchProcesses } from './processes.ts'

/** A whole Countersign to measure, with tool servers and load of the benchmark's own, all on this machine. */
export interface World extends Pick<BenchProcesses, 'startUpstream' | 'load'> {
  running: Running
  /** Makes a tool server known under a name, of the tenant `default` unless another is said. */
  declareServer(name: string, url: string, tenant?: string): void
  /** Waits until a caller sees the tools of a server. */
  untilListed(caller: Pick<LoadJob, 'url' | 'headers'>, tools: number): Promise<void>
  /** Does so, and waits until agents see its tools. */
  addServer(name: string, url: string, tools: number): Promise<void>
  /** The URL and token with which agents reach a server, or with '' all servers, through the gateway. */
  governed(server: string, as?: 'agent' | 'agent2'): Pick<LoadJob, 'url' | 'headers'>
  connect(user: BusUser): Promise<Bus>
  stop(): Promise<void>
}

/** The rules of the benchmark: reads pass, writes wait for a person. */
const policyDocument = `apiVersion: countersign.dev/v1alpha1
kind: ToolPolicy
metadata: { name: bench }
spec:
  match: { servers: ['bench*'] }
  rules:
    - { name: reads, when: "tool.readOnly && args.text != 'forbidden'", effect: allow }
    - { name: writes, when: "!tool.readOnly", effect: hold, approval: { groups: [approvers], expiresAfter: 24h } }
`
const serverDocument = (name: string, url: string, tenant = 'default') => `apiVersion: mcp.x-k8s.io/v1beta1
kind: MCPServer
metadata: { name: ${name}, namespace: ${tenant} }
spec: { source: { type: Url, url: { url: '${url}' } }, limits: { concurrency: 1000 } }
`
const inventoryPatienceMs = 600_000

/** Starts a Countersign with fresh state on free ports. */
export async function startWorld(say: (line: string) => void, settings: Record<string, string> = {}): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
  const processes = benchProcesses()
  const buses: Bus[] = []
  const running = await launch(
    { fresh: false, stateDir: join(dir, 'state'), ports: { gateway: 0, console: 0, nats: 0, everything: 0 }, settings },
    say,
  )
  const { info, state } = running
  writeFileSync(join(state.layout.policies, 'bench.yaml'), policyDocument)
  const governed = (server: string, as: 'agent' | 'agent2' = 'agent') => ({
    url: server === '' ? `${info.gateway}/mcp` : `${info.gateway}/mcp/${server}`,
    headers: { authorization: `Bearer ${info.tokens[as]}` },
  })
  const declareServer = (name: string, url: string, tenant?: string) =>
    writeFileSync(join(state.layout.servers, `${name}.yaml`), serverDocument(name, url, tenant))
  const untilListed = async ({ url, headers }: Pick<LoadJob, 'url' | 'headers'>, tools: number) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
    const asked = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
    await until(
      async () => {
        const response = await fetch(url, { method: 'POST', headers: { ...headers, ...asked }, body })
        const { result } = (await response.json()) as { result?: { tools: unknown[] } }
        // Its own, and the one that asks how a call is.
        return result?.tools.length === tools + 1
      },
      `${url} has its ${tools} tools`,
      inventoryPatienceMs,
    )
  }
  return {
    running,
    governed,
    startUpstream: processes.startUpstream,
    load: processes.load,
    declareServer,
    untilListed,
    async addServer(name, url, tools) {
      declareServer(name, url)
      await untilListed(governed(name), tools)
    },
    async connect(user) {
      const bus = await connectBus({ url: info.nats, user, password: state.passwords[user] })
      buses.push(bus)
      return bus
    },
    async stop() {
      for (const bus of buses) await bus.close()
      await running.stop()
      processes.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
