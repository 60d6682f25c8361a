/**
 * The gateway: agents speak MCP to it, and every call they make becomes an event.
 *
 * File map, in the order of a call:
 *   mcp/listener → call/receive refuses what is far over a tenant's share → mcp/dispatch → call/receive → call/resolve-target → call/check-call-headers → call/admission → call/audit-gate → call/publish-requested → call/await-outcome → call/reply
 *   call/share has calls over a tenant's share take turns, for call/admission
 *   call/outcome-board hands hints and histories to those who wait · call/cancel-call withdraws · call/call-status answers later
 *   catalog/ is what each caller may see: the registry, what policy says of it, the list
 *   mcp/ is the wire: both eras, sessions, cancellations from any replica
 *   refusals counts what is refused without a call being stored
 *
 * It upholds: I2 (`requested` only as the first event, `cancelled` by compare-and-set), I3 (strict JSON, one canonical text), I7
 * (no store, no call), I9 (a caller's token ends here), I10 (lists), I12 (outcomes and sessions live on the bus).
 */
import { UsersFileAuthenticator } from '@countersign/identity'
import { type Part, readHosts, type ServiceContext } from '@countersign/runtime'
import { AuditGate } from './call/audit-gate.ts'
import { Admission } from './call/admission.ts'
import { OutcomeBoard } from './call/outcome-board.ts'
import { ActivityLog, RegistryView } from '@countersign/bus'
import { VisibleTools } from './catalog/visible-tools.ts'
import type { Settings } from './config.ts'
import { Cancellations } from './mcp/cancellations.ts'
import { Listener } from './mcp/listener.ts'
import { Sessions } from './mcp/sessions.ts'
import { Refusals } from './refusals.ts'

/** The parts of the gateway, in start order. */
export function gatewayParts(config: Settings, { bus, log, telemetry }: ServiceContext): Part[] {
  const registry = new RegistryView()
  const visible = new VisibleTools(bus, registry)
  const board = new OutcomeBoard(bus, crypto.randomUUID())
  const duration = telemetry.meter.createHistogram('mcp.server.operation.duration', { unit: 's' })
  telemetry.meter
    .createObservableGauge('countersign.gateway.calls.waiting', { description: 'Calls waiting for their answer' })
    .addCallback((observe) => observe.observe(board.size))
  const cancellations = new Cancellations(bus)
  const activities = new ActivityLog(bus, ({ subject, error, givenUp }) =>
    log.warn({ subject, err: error }, givenUp ? 'an activity could not be stored' : 'an activity cannot be stored yet'),
  )
  const notStored = telemetry.meter.createCounter('countersign.gateway.calls.refused', {
    description: 'Calls refused before they were stored',
  })
  const refusals = new Refusals(activities, {
    platformTenant: config.platformTenant,
    onCall: (code) => notStored.add(1, { code }),
  })
  let listener: Listener | undefined
  return [
    { name: 'activities', start() {}, stop: () => activities.close() },
    { name: 'refusals', start() {}, stop: () => refusals.stop() },
    { name: 'registry', start: () => registry.start(bus), stop: () => registry.stop() },
    { name: 'visible tools', start: () => visible.start(), stop: () => visible.stop() },
    { name: 'outcome board', start: () => board.start(), stop: () => board.stop() },
    { name: 'cancellations', start: () => cancellations.start(), stop: () => cancellations.stop() },
    {
      name: 'listener',
      async start() {
        listener = new Listener({
          bus,
          log,
          registry,
          visible,
          board,
          cancellations,
          refusals,
          sessions: new Sessions(await bus.bucket('sessions')),
          authenticator: new UsersFileAuthenticator(config.usersFile, {
            onProblem: (problem) => log.error({ problem }, 'the users read last stay in force'),
          }),
          host: config.gatewayHost,
          port: config.gatewayPort,
          served: { hosts: readHosts(config.gatewayHosts), setting: 'COUNTERSIGN_GATEWAY_HOSTS' },
          maxBodyBytes: config.maxBodyBytes,
          callTimeoutMs: config.callTimeoutMs,
          holdWindowMs: config.holdWindowMs,
          admission: new Admission(config),
          auditGate: new AuditGate(),
          onAnswered: (method, tool, seconds, errorCode) =>
            duration.record(seconds, {
              // Names that callers make up must not become time series.
              'mcp.method.name': errorCode === 'method_not_found' ? '_OTHER' : method,
              ...(tool === undefined || errorCode !== undefined ? {} : { 'gen_ai.tool.name': tool }),
              ...(errorCode === undefined ? {} : { 'error.type': errorCode }),
            }),
        })
        const port = await listener.listen()
        log.info({ port }, 'listening for agents')
      },
      async stop() {
        board.hurry()
        await listener?.close()
      },
    },
  ]
}
