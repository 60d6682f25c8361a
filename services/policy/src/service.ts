/**
 * Policy: decides every call, holds those that need people, takes their votes, and signs grants.
 *
 * File map, in the order of a call:
 *   call/on-requested → call/gather-facts → call/decide → call/publish-verdict → publish-allowed (sign-grant) · publish-denied · approval/open
 *   approval/vote → approval/on-voted → approval/settle (conclude, recheck) · approval/on-hold-expired · approval/hold-sweep · approval/list · approval/resolve
 *   rules/ one pure function a rule, in the order of call/decide
 *   bundle/ the documents in force (accept-policies, refuse-policies), kept with what is to be recorded of them (keep-policies, record-changes);
 *     libs/policies reads and compiles them, and has the language of `when`
 *   call/visible what a caller may see · call/audit-lag how far audit is · serve-verbs `api.policy.<verb>`
 *
 * It upholds: I2 (every event by compare-and-set on what was judged), I3 (arguments proven by their digest, passed on untouched), I4
 * (grants bound and expiring; votes by distinct people over the digest held), I5 (every hold has an alarm, and is swept when none rings), I6 (idempotence from the
 * pinned definition), I7 (no policy, no audit, a condition that fails: refused), I10 (what is visible, by the same rules), I12 (policies,
 * holds and votes are in the store), I13 (a changed definition is not callable, nor is a hold on the old one).
 */
import { type Consumption, type Delivery, RegistryView, type Serving } from '@countersign/bus'
import { WatchedFile } from '@countersign/config'
import { type AuditStanding, consumers } from '@countersign/contracts'
import type { Part, ServiceContext } from '@countersign/runtime'
import { HoldSweep, sweepPace } from './approval/hold-sweep.ts'
import { onHoldExpired } from './approval/on-hold-expired.ts'
import { onVoted } from './approval/on-voted.ts'
import { PolicyBundle } from './bundle/bundle.ts'
import { KeptPolicies } from './bundle/keep-policies.ts'
import { ChangeRecorder } from './bundle/record-changes.ts'
import { AuditLag } from './call/audit-lag.ts'
import type { PolicyContext } from './call/context.ts'
import { onRequested } from './call/on-requested.ts'
import { signGrant } from './call/sign-grant.ts'
import type { Settings } from './config.ts'
import { policyMetrics } from './metrics.ts'
import { ArgumentChecks } from '@countersign/policies/schemas'
import { serveVerbs } from './serve-verbs.ts'

/** The parts of policy, in start order: what decisions are made on first, then those who ask, then the calls; `pace` is that of the hold sweep. */
export function policyParts(
  config: Settings,
  { bus, log, telemetry, expectations }: ServiceContext,
  pace = sweepPace,
): Part[] {
  // Met by a folder without a good policy too: policy then answers, and denies.
  const policiesLoaded = expectations.expect('policies loaded')
  const registryFollowed = expectations.expect('registry followed')
  const auditKeepsUp = expectations.expect('audit within its bounds')
  const registry = new RegistryView()
  let lastStanding: AuditStanding['state'] | undefined
  const auditLag = new AuditLag({
    measure: () => bus.consumerBacklog(consumers.audit.stream, consumers.audit.name),
    bounds: { maxEvents: config.auditMaxLag, maxAgeMs: config.auditMaxAgeMs },
    onStanding({ state, reason }) {
      auditKeepsUp(state === 'current', reason)
      if (state === lastStanding) return
      if (state !== 'current') log.error({ reason }, 'new calls are refused')
      else if (lastStanding) log.info('new calls are taken again')
      lastStanding = state
    },
  })
  const signer = new WatchedFile(config.grantKeyFile, signGrant, {
    onProblem: (problem) => log.error({ problem }, 'the grant key read last stays in force'),
  })
  let bundle: PolicyBundle | undefined
  let recordedChanges: ChangeRecorder | undefined
  let verbs: Serving | undefined
  const context: PolicyContext = {
    bus,
    log,
    registry,
    policies: () => bundle?.current,
    audit: () => auditLag.standing,
    checks: new ArgumentChecks(),
    sign: async (claims) => (await signer.read())(claims),
    keyProblem: async () => {
      // Also while no grant is signed.
      await signer.read()
      return signer.problem
    },
    metrics: policyMetrics(telemetry.meter, {
      revision: () => bundle?.current?.revision,
      audit: () => auditLag.standing,
    }),
    now: () => new Date(),
  }
  const consume = (
    consumer: { stream: string; name: string; ackWaitMs: number },
    maxInFlight: number,
    handler: (context: PolicyContext, delivery: Delivery) => Promise<void>,
  ): Part => {
    let consumption: Consumption | undefined
    return {
      name: consumer.name,
      start() {
        consumption = bus.consume({
          stream: consumer.stream,
          consumer: consumer.name,
          maxInFlight,
          ackWaitMs: consumer.ackWaitMs,
          handler: (delivery) => handler(context, delivery),
          onProblem: ({ what, error, delivery }) =>
            log.warn(
              { err: error, what, subject: delivery?.subject, deliveries: delivery?.deliveries },
              'not acknowledged',
            ),
        })
      },
      stop: () => consumption?.stop(),
    }
  }
  const holdSweep = new HoldSweep(context, pace)
  return [
    { name: 'grant key', start: async () => void (await signer.read()) },
    {
      name: 'policies',
      async start() {
        const kept = new KeptPolicies(await bus.bucket('policies'))
        const changes = new ChangeRecorder(bus, kept, log)
        recordedChanges = changes
        const { policiesDir: dir, platformTenant: tenant } = config
        bundle = new PolicyBundle({ dir, kept, log, tenant, onChange: () => changes.wake() })
        await bundle.start()
        policiesLoaded(true)
      },
      async stop() {
        await bundle?.stop()
        await recordedChanges?.stop()
      },
    },
    {
      name: 'registry',
      async start() {
        await registry.start(bus)
        registryFollowed(true)
      },
      stop: () => registry.stop(),
    },
    { name: 'audit lag', start: () => auditLag.start(), stop: () => auditLag.stop() },
    {
      name: 'verbs',
      async start() {
        verbs = serveVerbs(context, bundle!)
        // A round trip on the same connection: when it is back, the subscriptions are in force.
        await bus.streamInfo('CALLS')
      },
      stop: () => verbs?.stop(),
    },
    consume(consumers.policyExpired, 32, onHoldExpired),
    consume(consumers.policyVoted, 32, onVoted),
    consume(consumers.policyRequested, 256, onRequested),
    { name: 'hold sweep', start: () => holdSweep.start(), stop: () => holdSweep.stop() },
  ]
}
