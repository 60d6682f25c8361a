/**
 * The agent-executor: runs exactly what was allowed, once, and says how it ended.
 *
 * File map, in the order of a call:
 *   upstream/server-queues → call/on-allowed → (call/recover → call/ask-holder) → call/verify-grant → call/claim → call/execute → call/publish-outcome
 *   upstream/dial keeps the connections, which take secrets out of results · tell-faults tells the console what is not right with its files
 *
 * It upholds: I1 and I4 (no send without a grant that verifies), I2 (claims by compare-and-set), I3 (the text sent is the text
 * approved), I5 (every claimed call gets its final event), I6 (no second send of what is not idempotent), I9, I12 (what to do is read
 * from the history), I13 (the pinned definition must be the one judged).
 */
import { RegistryView } from '@countersign/bus'
import { WatchedFile } from '@countersign/config'
import { parseMidcall, subjects } from '@countersign/contracts'
import type { Part, ServiceContext } from '@countersign/runtime'
import { answerAskers } from './call/ask-holder.ts'
import { OnAllowed } from './call/on-allowed.ts'
import { readGrantKeys } from './call/verify-grant.ts'
import type { Settings } from './config.ts'
import { tellFaults } from './tell-faults.ts'
import { Dialer } from './upstream/dial.ts'
import { ServerQueues } from './upstream/server-queues.ts'

/** The parts of the executor, in start order. */
export function executorParts(config: Settings, { bus, log, telemetry }: ServiceContext): Part[] {
  const keys = new WatchedFile(config.grantPublicKeysFile, readGrantKeys, {
    onProblem: (problem) => log.error({ problem }, 'the grant keys read last stay in force'),
  })
  const registry = new RegistryView()
  const dialer = new Dialer()
  const duration = telemetry.meter.createHistogram('mcp.client.operation.duration', { unit: 's' })
  const executor = crypto.randomUUID()
  const onAllowed = new OnAllowed({
    bus,
    log,
    registry,
    dialer,
    keys,
    executor,
    onEnded: (ending, tool, seconds) =>
      duration.record(seconds, {
        'mcp.method.name': 'tools/call',
        'gen_ai.tool.name': tool,
        'countersign.outcome': ending.name,
        ...(ending.name === 'succeeded'
          ? ending.toolError
            ? { 'error.type': 'tool_error' }
            : {}
          : { 'error.type': ending.error.code }),
      }),
  })
  const queues = new ServerQueues(bus, log, (delivery) => onAllowed.handle(delivery))
  let listening: { stop: () => void } | undefined
  let answering: { stop: () => void } | undefined
  return [
    { name: 'grant keys', start: async () => void (await keys.read()) },
    tellFaults(bus, log, executor, keys),
    { name: 'upstreams', start() {}, stop: () => dialer.close() },
    {
      name: 'withdrawals',
      start() {
        listening = bus.listen(subjects.midcall('*', '*', 'up'), (subject) =>
          onAllowed.withdraw(parseMidcall(subject)?.callId ?? ''),
        )
      },
      stop: () => listening?.stop(),
    },
    {
      name: 'answers to other executors',
      start() {
        answering = answerAskers(bus, executor, (callId) => onAllowed.holds(callId))
      },
      stop: () => answering?.stop(),
    },
    {
      name: 'queues',
      start() {},
      stop() {
        onAllowed.stop()
        return queues.stop()
      },
    },
    {
      name: 'registry',
      async start() {
        const known = new Set<string>()
        await registry.start(bus, (name, entry) => {
          known.add(name)
          dialer.apply(name, entry)
          queues.apply(name, entry)
        })
        await queues.openOrphans((server) => known.has(server))
      },
      stop: () => registry.stop(),
    },
  ]
}
