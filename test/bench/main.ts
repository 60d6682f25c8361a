/**
 * `npm run bench`: what Countersign adds to a call, measured against the same tool server called directly, in one run, with every
 * event on disk. METHOD.md says what is measured and what is not. Prints a table, writes `results/latest.json`.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { launch, type Running } from '@countersign/local'
import { until } from '@countersign/testing'
import type { LoadJob, LoadOutcome } from './load.ts'
import { measurePublish } from './publish.ts'
import { residentMiB } from './resident.ts'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '15' },
    rate: { type: 'string', default: '1500' },
    only: { type: 'string' },
  },
})
const seconds = Number(options.seconds)
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const say = (line: string) => process.stderr.write(`bench: ${line}\n`)
const children: ChildProcess[] = []

async function startUpstream(tools: number): Promise<string> {
  const child = fork(here('upstream.ts'), [String(tools)], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  children.push(child)
  const [line] = (await once(child.stdout!, 'data')) as [Buffer]
  return `http://127.0.0.1:${JSON.parse(line.toString()).port}/mcp`
}

async function run(job: LoadJob): Promise<LoadOutcome> {
  const child = fork(here('load.ts'))
  children.push(child)
  child.send(job)
  const [outcome] = (await once(child, 'message')) as [LoadOutcome]
  return outcome
}

const serverDocument = (name: string, url: string) => `apiVersion: mcp.x-k8s.io/v1beta1
kind: MCPServer
metadata: { name: ${name} }
spec: { source: { type: Url, url: { url: '${url}' } }, limits: { concurrency: 256 } }
`
const policyDocument = `apiVersion: countersign.dev/v1alpha1
kind: ToolPolicy
metadata: { name: bench }
spec:
  match: { servers: ['bench*'] }
  rules: [{ name: reads, when: "tool.readOnly && args.text != 'forbidden'", effect: allow }]
`

async function addServer(running: Running, name: string, url: string, tools: number): Promise<void> {
  const { layout, tokens } = running.state
  writeFileSync(join(layout.policies, 'bench.yaml'), policyDocument)
  writeFileSync(join(layout.servers, `${name}.yaml`), serverDocument(name, url))
  const headers = {
    authorization: `Bearer ${tokens.agent}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  }
  await until(
    async () => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
      const response = await fetch(`${running.info.gateway}/mcp/${name}`, { method: 'POST', headers, body })
      const { result } = (await response.json()) as { result?: { tools: unknown[] } }
      return result?.tools.length === tools + 1
    },
    `${name} has its ${tools} tools`,
    60_000,
  )
}

const dir = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
let running: Running | undefined
try {
  const state = join(dir, 'state')
  running = await launch(
    { fresh: false, stateDir: state, ports: { gateway: 0, console: 0, nats: 0, everything: 0 } },
    say,
  )
  const { gateway } = running.info
  const token = { authorization: `Bearer ${running.state.tokens.agent}` }
  const [few, many] = [await startUpstream(10), await startUpstream(2000)]
  await addServer(running, 'bench', few, 10)
  const toolNames = Array.from({ length: 10 }, (_, index) => `echo-${index}`)
  const base = { tools: toolNames, seconds, warmupSeconds: 5 }
  const direct = { ...base, url: few, headers: {} }
  const governed = { ...base, url: `${gateway}/mcp/bench`, headers: token }

  const publish = await measurePublish()
  const results: Record<string, LoadOutcome> = {}
  const measure = async (name: string, job: LoadJob) => {
    if (options.only && !name.includes(options.only)) return
    say(`${name} …`)
    results[name] = await run(job)
  }
  await measure('direct, one at a time', { ...direct, ratePerSecond: 50, concurrency: 1 })
  await measure('governed, one at a time', { ...governed, ratePerSecond: 50, concurrency: 1 })
  await measure('direct, 64 callers', { ...direct, ratePerSecond: 0, concurrency: 64 })

  await measure('governed, 64 callers', { ...governed, ratePerSecond: 0, concurrency: 64 })
  const memory = residentMiB(running)
  await measure(`governed, ${options.rate}/s`, { ...governed, ratePerSecond: Number(options.rate), concurrency: 64 })
  await addServer(running, 'bench-many', many, 2000)
  const twoThousand = { ...governed, url: `${gateway}/mcp/bench-many`, ratePerSecond: 50, concurrency: 1 }
  await measure('governed, one at a time, 2000 tools', twoThousand)
  await measure('governed, one at a time, 10 tools again', { ...governed, ratePerSecond: 50, concurrency: 1 })

  const report = {
    at: new Date().toISOString(),
    machine: {
      cpus: cpus().length,
      model: cpus()[0]?.model,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      node: process.version,
    },
    seconds,
    publish,
    results,
    memoryMiB: memory,
  }
  mkdirSync(here('results'), { recursive: true })
  writeFileSync(here('results/latest.json'), `${JSON.stringify(report, undefined, 2)}\n`)
  process.stdout.write(table(report))
} finally {
  await running?.stop()
  for (const child of children) child.kill()
  rmSync(dir, { recursive: true, force: true })
}

function table({
  results,
  memoryMiB,
  publish,
}: {
  results: Record<string, LoadOutcome>
  memoryMiB: Record<string, number>
  publish: object
}): string {
  const columns = ['calls', 'failed', 'callsPerSecond', 'p50Ms', 'p90Ms', 'p99Ms', 'maxMs'] as const
  const rows = Object.entries(results).map(([name, outcome]) => [
    name,
    ...columns.map((column) => String(outcome[column])),
  ])
  const all = [['', 'calls', 'failed', 'calls/s', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms'], ...rows]
  const widths = all[0]!.map((_, index) => Math.max(...all.map((row) => row[index]!.length)))
  const lines = all.map((row) =>
    row.map((cell, index) => (index === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[index]!))).join('  '),
  )
  const [one, oneDirect] = [results['governed, one at a time'], results['direct, one at a time']]
  const added =
    one && oneDirect
      ? `added at one call at a time: p50 ${(one.p50Ms - oneDirect.p50Ms).toFixed(2)} ms, p99 ${(one.p99Ms - oneDirect.p99Ms).toFixed(2)} ms\n`
      : ''
  const memory = Object.entries(memoryMiB).map(([name, mebibytes]) => `${name} ${mebibytes}`)
  const failures = Object.entries(results).flatMap(([name, { firstFailure }]) =>
    firstFailure ? [`first failure of ${name}: ${firstFailure}\n`] : [],
  )
  return `${lines.join('\n')}\n\n${added}resident MiB at 64 callers: ${memory.join(', ')}\nthe store alone: ${JSON.stringify(publish)}\n${failures.join('')}`
}
