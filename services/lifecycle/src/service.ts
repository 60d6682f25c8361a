/**
 * Lifecycle: runs the tool servers as their documents say and keeps the registry of them.
 *
 * File map: server/desired reads the documents (server/document one file) → server/reconcile makes what runs follow them, with one
 * server/keeper a server, which starts it through runtime/local, has it probed by server/prober (server/probe one probe, server/probe-pace when the next one is), takes the
 * server/inventory of what can be used (server/check-definition), compares it with what is pinned (server/pin, server/definition-changes, server/accept), says how it is
 * (server/status) and writes that down (registry/make-entry, registry/entry-writer, registry/event-log; registry/load-registry reads it back
 * after a restart, registry/registry-standing notices when it was lost). runtime/environment reads what a server is given; runtime/start-process, runtime/leftovers and runtime/process-identity look after child processes.
 *
 * It upholds: I6 (idempotence comes from the entries pinned here), I9 (secrets in files only this user may read), I12 (pins are in the
 * registry; a killed lifecycle finds its leftovers), I13 (what changed since it was pinned is quarantined until a person accepts it,
 * and a server has no address before its tools were compared).
 */
import { mkdir } from 'node:fs/promises'
import type { Serving } from '@countersign/bus'
import { verbs } from '@countersign/contracts'
import type { Part, ServiceContext } from '@countersign/runtime'
import type { LifecycleConfig } from './config.ts'
import { EventLog } from './registry/event-log.ts'
import { loadRegistry } from './registry/load-registry.ts'
import { RegistryStanding } from './registry/registry-standing.ts'
import { LocalRuntime } from './runtime/local.ts'
import { DefinitionChecks } from './server/check-definition.ts'
import { Reconciler } from './server/reconcile.ts'

/** The parts of lifecycle, in start order. */
export function lifecycleParts(config: LifecycleConfig, { bus, log }: Pick<ServiceContext, 'bus' | 'log'>): Part[] {
  const { serversDir, runDir, childEnv, probeIntervalMs, platformTenant } = config
  const runtime = new LocalRuntime({ runDir, serversDir, childEnv, log })
  const events = new EventLog(bus, log)
  const killAll = () => runtime.killAll()
  let reconciler: Reconciler | undefined
  let serving: Serving | undefined
  return [
    { name: 'events', start() {}, stop: () => events.close() },
    {
      name: 'runtime',
      async start() {
        await runtime.prepare()
        // Also when this process ends without grace, nothing of it stays behind.
        process.once('exit', killAll)
      },
      stop: () => void process.off('exit', killAll),
    },
    {
      name: 'servers',
      async start() {
        await mkdir(serversDir, { recursive: true })
        const bucket = await bus.bucket('servers')
        // Before it is read: what is lost in between is noticed.
        const standing = await RegistryStanding.of(bucket)
        const known = await loadRegistry(bucket, log)
        reconciler = new Reconciler({
          ...{
            serversDir,
            probeIntervalMs,
            platformTenant,
            known,
            bucket,
            standing,
            runtime,
            events,
            checks: new DefinitionChecks(),
            log,
          },
        })
        await reconciler.start()
      },
      stop: () => reconciler?.stop(),
    },
    {
      name: 'verbs',
      start() {
        serving = bus.serveApi(
          verbs.lifecycle.accept,
          async ({ operator, ...change }) => {
            await reconciler!.accept(operator, change)
            return change
          },
          (error) => log.error({ err: error }, 'a verb failed'),
        )
      },
      stop: () => serving?.stop(),
    },
  ]
}
