import type { Bus } from '@countersign/bus'
import {
  type ApprovalView,
  consumers,
  CountersignError,
  executorConsumer,
  type ExportsView,
  type Principal,
  type ServerEntry,
  verbs,
} from '@countersign/contracts'
import type { Authenticator } from '@countersign/identity'
import { z } from 'zod'
import { coveringPolicies } from './covering-policies.ts'
import { isOperator } from './may-see.ts'
import { Fault, platformFaults } from './platform-faults.ts'
import type { ApiContext } from './route.ts'
import { isReady, serversOf } from './server-answer.ts'

export const StatusAnswer = z.object({
  /** Nothing is in the way of calls, and for operators, those on the list of users may do what it says and nobody else. */
  ok: z.boolean(),
  now: z.iso.datetime(),
  bus: z.object({
    connected: z.boolean(),
    /** Whether nats-server answers: one that hangs keeps its connections. */
    answers: z.boolean(),
    /** What is not as it must be with nats-server, streams, buckets, consumers, and files of policy and the executors; for operators, in detail for those of the platform's tenant. */
    faults: z.array(Fault).optional(),
  }),
  /** What is not right with the list of users; for operators, in detail for those of the platform's tenant. */
  users: z
    .object({
      faults: z.array(Fault),
      /** Whose tokens have ended, or will within a week; the first 20. */
      expiring: z.array(z.object({ id: z.string(), expiresAt: z.string() })),
    })
    .optional(),
  services: z.array(z.object({ name: z.string(), answers: z.boolean(), message: z.string().optional() })),
  servers: z.object({
    total: z.int(),
    ready: z.int(),
    quarantinedTools: z.int(),
    /** Ready, but no policy in force mentions them; absent while policy does not answer. */
    withoutPolicy: z.int().optional(),
  }),
  /** Absent while policy does not answer. */
  policies: z.object({ revision: z.string().nullable(), count: z.int(), problems: z.int() }).optional(),
  /** `more`: that many at least; `late`: so many of them have waited for more than half of the time they have. */
  approvals: z
    .object({ waiting: z.int(), more: z.boolean(), late: z.int(), oldestHeldAt: z.string().optional() })
    .optional(),
  /** Whether new calls are taken, as far as audit has a say, and if not, why; absent while policy does not answer. */
  newCalls: z.object({ taken: z.boolean(), reason: z.string().optional() }).optional(),
  /** For operators; `lag` is how many events are not sealed yet, `problem` why none can be just now. */
  audit: z
    .object({
      size: z.int(),
      lastSeq: z.int(),
      sealedAt: z.string().nullable(),
      lag: z.int().optional(),
      problem: z.string().optional(),
      witnessed: verbs.audit.status.output.shape.witnessed,
      /** What is not right with audit's own files. */
      faults: z.array(Fault),
    })
    .optional(),
  /** Where records are sent, and which exports do not get on; for operators. */
  exports: z
    .object({
      total: z.int(),
      troubles: verbs.audit.exports.output.shape.troubles,
      /** Dead letters, and problems of documents, that wait for somebody. */
      dead: z.int(),
      refused: z.int(),
    })
    .optional(),
  /** How far the index is, that queries of the log are answered from; for operators. */
  index: verbs.audit.index.output.optional(),
  /** Calls whose outcome is unknown, 100 at most; for operators. */
  unknownCalls: z.int().optional(),
})
export type StatusAnswer = z.infer<typeof StatusAnswer>

/** What one part may take to answer; none is waited for by the others. */
const timeoutMs = 2000
const expiringWithinMs = 7 * 24 * 3600 * 1000
const maxExpiring = 20
/** More allowed calls than this waiting for one server are worth a look. */
const maxWaiting = 1000
/** Consumers looked at: one executor serves many servers, so a few tell. */
const maxConsumers = 50

/**
 * Asks every service whether it answers. A service that does not is a finding, not an error, and without nats-server nobody can be
 * asked at all.
 */
export async function gatherStatus(
  { bus, registry, unreadable, replicaFaults, authenticator, platformTenant }: ApiContext,
  viewer: Principal,
): Promise<StatusAnswer> {
  const operator = isOperator(viewer)
  const answers = await bus.answers(timeoutMs)
  const over = answers ? bus : silentBus
  const entries = serversOf(registry, viewer.tenant)
  const ready = entries.filter(isReady)
  const indexing = operator ? settle(over.callApi(verbs.audit.index, { tenant: viewer.tenant }, timeoutMs)) : undefined
  const [policies, standing, approvals, lifecycle, audit, lag, unknown, executor, faults, exporting] =
    await Promise.all([
      settle(over.callApi(verbs.policy.policies, {}, timeoutMs)),
      settle(over.callApi(verbs.policy.status, {}, timeoutMs)),
      settle(over.callApi(verbs.policy.approvals, { viewer, all: operator }, timeoutMs)),
      settle(lifecycleAnswers(over)),
      settle(over.callApi(verbs.audit.status, { tenant: viewer.tenant }, timeoutMs)),
      settle(over.consumerState(consumers.audit.stream, consumers.audit.name)),
      operator ? settle(unknownCalls(over, viewer.tenant)) : undefined,
      executorAnswers(over, ready.slice(0, maxConsumers)),
      operator ? settle(over.findFaults()) : undefined,
      operator ? settle(over.callApi(verbs.audit.exports, { tenant: viewer.tenant }, timeoutMs)) : undefined,
    ])
  const index = await indexing
  const expiring = operator ? await authenticator.expiring(viewer.tenant, Date.now() + expiringWithinMs) : undefined
  const shared = (what: string, faults: readonly Fault[]) => platformFaults(viewer, platformTenant, what, faults)
  const users = expiring && {
    faults: [...shared('list of users', usersFaults(authenticator))],
    expiring: expiring.slice(0, maxExpiring),
  }
  const services = [
    service('policy', policies),
    service('lifecycle', lifecycle),
    service('audit', audit),
    ...(executor ? [service('agent-executor', executor)] : []),
  ]
  const inForce = policies.value
  const revision = inForce?.revision ?? null
  const { state, reason } = standing.value?.audit ?? {}
  const newCalls = state && { taken: state === 'current', ...(reason === undefined ? {} : { reason }) }
  return {
    ok:
      bus.connected &&
      answers &&
      revision !== null &&
      newCalls?.taken !== false &&
      services.every(({ answers }) => answers) &&
      !users?.faults.length,
    now: new Date().toISOString(),
    bus: {
      connected: bus.connected,
      answers,
      ...(faults?.value
        ? {
            faults: [
              ...shared('platform', [
                ...faults.value,
                ...(standing.value?.faults ?? []),
                ...replicaFaults.faults,
                ...unreadable.faults,
              ]),
              ...(executor?.value ?? []),
            ],
          }
        : {}),
    },
    ...(users ? { users } : {}),
    services,
    servers: {
      total: entries.length,
      ready: ready.length,
      quarantinedTools: entries.reduce((sum, { quarantinedCount }) => sum + quarantinedCount, 0),
      ...(inForce
        ? { withoutPolicy: ready.filter((entry) => coveringPolicies(inForce, entry).length === 0).length }
        : {}),
    },
    ...(inForce ? { policies: { revision, count: inForce.policies.length, problems: inForce.problems.length } } : {}),
    ...(newCalls ? { newCalls } : {}),
    ...(approvals.value ? { approvals: waitingOf(approvals.value.approvals, approvals.value.more) } : {}),
    ...(operator && audit.value ? { audit: { ...audit.value, ...(lag.value ? { lag: lag.value.lag } : {}) } } : {}),
    ...(exporting?.value ? { exports: exportsOf(exporting.value) } : {}),
    ...(index?.value ? { index: index.value } : {}),
    ...(unknown?.value ? { unknownCalls: unknown.value } : {}),
  }
}

function exportsOf({ exports, problems, troubles }: ExportsView): NonNullable<StatusAnswer['exports']> {
  const dead = exports.reduce((sum, each) => sum + each.dead, 0)
  return { total: exports.length, troubles, dead, refused: problems.length }
}

function waitingOf(held: readonly ApprovalView[], more: boolean): NonNullable<StatusAnswer['approvals']> {
  const isLate = ({ heldAt, expiresAt }: ApprovalView) =>
    Date.now() - Date.parse(heldAt) > (Date.parse(expiresAt) - Date.parse(heldAt)) / 2
  const oldest = held.map(({ heldAt }) => heldAt).toSorted()[0]
  return {
    ...{ waiting: held.length, more, late: held.filter(isLate).length },
    ...(oldest === undefined ? {} : { oldestHeldAt: oldest }),
  }
}

function usersFaults({ problem }: Authenticator): Fault[] {
  if (problem === undefined) return []
  const why = `${problem}, so the users read last stay in force, and a token that was taken away is still good`
  return [{ what: 'list of users', problem: why, remedy: 'correct it: it is taken up within a second' }]
}

async function unknownCalls(bus: Asked, tenant: string): Promise<number> {
  const { calls } = await bus.callApi(verbs.audit.calls, { tenant, state: 'unknown', limit: 100 }, timeoutMs)
  return calls.length
}

/** What is asked of the bus. */
type Asked = Pick<Bus, 'callApi' | 'consumerState' | 'findFaults'>

const refuse = async (): Promise<never> => {
  throw new CountersignError('service_unavailable', 'could not be asked, because nats-server does not answer')
}
/** Takes the place of a bus that does not answer, so that nobody waits for what cannot come. */
const silentBus: Asked = { callApi: refuse, consumerState: refuse, findFaults: refuse }

interface Settled<T> {
  value?: T
  problem?: string
}

async function settle<T>(work: Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await work }
  } catch (error) {
    return { problem: error instanceof CountersignError ? error.message : 'it could not be asked' }
  }
}

function service(name: string, { problem }: Settled<unknown>) {
  return { name, answers: problem === undefined, ...(problem === undefined ? {} : { message: problem }) }
}

/** Lifecycle has no verb that only reads; one without input is refused by whoever is there, and changes nothing. */
async function lifecycleAnswers(bus: Asked): Promise<true> {
  try {
    await bus.callApi(verbs.lifecycle.accept, {} as never, timeoutMs)
  } catch (error) {
    if (!(error instanceof CountersignError) || error.code !== 'invalid_params') throw error
  }
  return true
}

/** The executor answers nobody; that it takes work is seen at its consumers. Undefined while no server is ready. */
async function executorAnswers(bus: Asked, ready: readonly ServerEntry[]): Promise<Settled<Fault[]> | undefined> {
  if (ready.length === 0) return undefined
  const found = await Promise.all(
    ready.map(async ({ name }) => {
      const { stream, name: consumer } = executorConsumer(name)
      const { value, problem } = await settle(bus.consumerState(stream, consumer))
      return { name, attended: value?.attended === true, waiting: value?.lag ?? 0, problem }
    }),
  )
  const [unseen] = found.filter(({ problem }) => problem !== undefined)
  if (unseen) return { problem: unseen.problem! }
  const names = found.flatMap(({ name, attended }) => (attended ? [] : [name]))
  if (names.length > 0) return { problem: `takes no calls for ${names.join(', ')}; look at its log` }
  return { value: found.filter(({ waiting }) => waiting > maxWaiting).map(waitingFault) }
}

function waitingFault({ name, waiting }: { name: string; waiting: number }): Fault {
  return {
    what: `consumer executor-${name}`,
    problem: `${waiting} allowed calls wait for the tool server ${name}, and end unrun when their grants expire`,
    remedy: `see whether it answers: countersign servers ${name}; if it does and is only slow, raise limits.concurrency of its document`,
  }
}
