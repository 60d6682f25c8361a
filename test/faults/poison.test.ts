import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Bus, encode } from '@countersign/bus'
import {
  type BusUser,
  callFieldsOf,
  consumers,
  digestOf,
  executorConsumer,
  makeEvent,
  newCallId,
  parseCallSubject,
  recordKind,
  sha256,
  subjects,
  verbs,
} from '@countersign/contracts'
import { allowedFixture, callFixture, newGrantSigner, requestedFixture, until } from '@countersign/testing'
import { checkRun } from './check/check-run.ts'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { serverName } from './harness/tools.ts'
import { approver, driveCall } from './load/drive.ts'

/** Something that no service writes, and the log that must tell of it. */
interface Poison {
  what: string
  /** Whose credentials it is published with: nobody else may publish there. */
  as: BusUser
  subject: string
  data: Uint8Array
  toldBy: string | undefined
  headers?: Record<string, string>
}

const garbage = Uint8Array.from([0xff, 0x00, 0x7b, 0xfe])
const empty = new Uint8Array()
const nowhere = () => ({ tenant: 'default', server: serverName, callId: newCallId(Date.now()) })
const call = (event: string) => subjects.call(nowhere(), event)
const forger = newGrantSigner()

/** A grant for a call of its own, signed by somebody. */
function forged(): Pick<Poison, 'subject' | 'data'> {
  const args = { n: -1 }
  const fields = callFixture({ server: serverName, tool: 'write' }, args)
  const data = allowedFixture(forger, fields, args, { definitionDigest: digestOf({}) })
  return { subject: subjects.call(fields, 'allowed'), data: encode(makeEvent('allowed', data, { now: new Date() })) }
}

function misplaced(): Pick<Poison, 'subject' | 'data'> {
  const data = requestedFixture({ ...callFieldsOf(callFixture({ server: serverName })) })
  return { subject: call('requested'), data: encode(makeEvent('requested', data, { now: new Date() })) }
}

const soon = () => new Date(Date.now() + 1000).toISOString()
const alarm = (target: string) => ({ 'Nats-Schedule': `@at ${soon()}`, 'Nats-Schedule-Target': target })

const poisons = (): Poison[] => [
  { what: 'garbage as requested', as: 'gateway', subject: call('requested'), data: garbage, toldBy: 'policy' },
  { what: 'nothing as requested', as: 'gateway', subject: call('requested'), data: empty, toldBy: 'policy' },
  {
    what: 'an event that breaks its schema',
    as: 'gateway',
    subject: call('requested'),
    data: encode({ data: {} }),
    toldBy: 'policy',
  },
  { what: 'an event of another call', as: 'gateway', ...misplaced(), toldBy: 'policy' },
  {
    what: 'a subject that names no call',
    as: 'gateway',
    subject: 'calls.X.Y.Z.requested',
    data: garbage,
    toldBy: 'policy',
  },
  { what: 'garbage as voted', as: 'policy', subject: call('voted'), data: garbage, toldBy: 'policy' },
  { what: 'garbage as held', as: 'policy', subject: call('held'), data: garbage, toldBy: undefined },
  { what: 'garbage as allowed', as: 'policy', subject: call('allowed'), data: garbage, toldBy: 'agent-executor' },
  { what: 'a forged grant', as: 'policy', ...forged(), toldBy: undefined },
  { what: 'garbage as succeeded', as: 'agent-executor', subject: call('succeeded'), data: garbage, toldBy: undefined },
  {
    what: 'an alarm of no call',
    as: 'policy',
    subject: subjects.holdTimer('x'),
    data: empty,
    headers: alarm('timers.fired.holds.nothing'),
    toldBy: 'policy',
  },
  {
    what: 'an alarm of a call that is not there',
    as: 'policy',
    subject: subjects.holdTimer('y'),
    data: empty,
    headers: alarm(subjects.holdExpired(nowhere())),
    toldBy: undefined,
  },
]

/** A poison of LIFECYCLE, which audit alone takes. */
interface ActivityPoison extends Pick<Poison, 'what' | 'as' | 'subject' | 'data'> {
  /** Where `AUDIT` has its record. */
  sealedUnder: string
}

/** Garbage with an ending of its own, by which the log shows that each was sealed once. */
const garbageNo = (n: number) => Uint8Array.from([...garbage, n])

const activityPoisons = (): ActivityPoison[] => [
  {
    what: 'garbage as what was done to a server',
    as: 'lifecycle',
    subject: subjects.lifecycleEvent('default', serverName, 'tool_accepted'),
    data: garbageNo(1),
    sealedUnder: subjects.auditRecord('default', serverName, 'tool_accepted'),
  },
  {
    what: 'garbage as an activity',
    as: 'console',
    subject: subjects.activity('default', 'signed_in'),
    data: garbageNo(2),
    sealedUnder: subjects.auditRecord('default', undefined, 'signed_in'),
  },
  {
    what: 'nothing as an activity',
    as: 'policy',
    subject: subjects.activity('default', 'policies_changed'),
    data: empty,
    sealedUnder: subjects.auditRecord('default', undefined, 'policies_changed'),
  },
  {
    what: 'an activity that is no event',
    as: 'gateway',
    subject: subjects.activity('default', 'token_refused'),
    data: encode({ data: {} }),
    sealedUnder: subjects.auditRecord('default', undefined, 'token_refused'),
  },
  {
    what: 'a subject that names no server',
    as: 'lifecycle',
    subject: 'lifecycle.X.Y.tool_accepted',
    data: garbageNo(3),
    sealedUnder: subjects.auditRecord('invalid', undefined, 'invalid'),
  },
]

async function publish(
  cluster: Cluster,
  { as, subject, data, headers }: Pick<Poison, 'as' | 'subject' | 'data' | 'headers'>,
): Promise<void> {
  const bus = await cluster.bus(as)
  const msgId = crypto.randomUUID()
  await bus.store({ subject, data, msgId, ...(headers ? { headers } : {}) }, Date.now() + 10_000)
  const { callId } = parseCallSubject(subject) ?? {}
  if (callId !== undefined) cluster.poisoned.add(callId)
}

/** What a service's replicas have written into their logs. */
function logOf(cluster: Cluster, service: string): string {
  return cluster
    .of(service)
    .map(({ logFile }) => readFileSync(logFile, 'utf8'))
    .join('')
}

const allConsumers = [...Object.values(consumers), executorConsumer(serverName)]

/** How many messages wait, by stream and consumer: audit's two have the same name. */
async function lags(provisioner: Bus): Promise<Record<string, number>> {
  const found = await Promise.all(allConsumers.map(({ stream, name }) => provisioner.consumerLag(stream, name)))
  return Object.fromEntries(allConsumers.map(({ stream, name }, index) => [`${stream} ${name}`, found[index]!]))
}

test(
  'R19, I5, I8: a poison message on any consumer does not loop, is seen, and stops nothing',
  { timeout: 200_000 },
  async (t) => {
    const cluster = await startCluster(t, { ackWaitMs: 3000 })
    const all = poisons()
    const ofActivity = activityPoisons()
    for (const poison of [...all, ...ofActivity]) await publish(cluster, poison)

    // Calls go on, and people can vote.
    const answers = await Promise.all(
      (['read', 'write', 'held-write', 'brief-read'] as const).map((tool, index) =>
        driveCall(cluster, {
          n: index + 1,
          tool,
          sequel: tool === 'brief-read' ? 'expire' : 'approve',
          gateway: index % 2,
        }),
      ),
    )
    assert.deepEqual(
      answers.map((answer) => answer.kind === 'result' && answer.status),
      ['succeeded', 'succeeded', 'succeeded', 'denied'],
    )
    const console = await cluster.bus('console')
    await console.callApi(verbs.policy.approvals, { viewer: approver })

    // Nothing is left, so nothing is tried again.
    const provisioner = await cluster.bus('provisioner')
    const none = Object.fromEntries(allConsumers.map(({ stream, name }) => [`${stream} ${name}`, 0]))
    await until(
      async () => {
        assert.deepEqual(await lags(provisioner), none)
        return true
      },
      'every consumer is done',
      60_000,
    )

    const evidence = await cluster.settled()
    for (const { what, subject, headers, toldBy } of all) {
      const at = headers?.['Nats-Schedule-Target'] ?? subject
      if (toldBy !== undefined) assert.ok(logOf(cluster, toldBy).includes(at), `${toldBy} tells of ${what} (${at})`)
      // What came through CALLS is in the audit log, malformed or not.
      if (headers === undefined) {
        const seq = evidence.stored.find((stored) => stored.subject === subject)?.seq
        assert.ok(
          evidence.log.some(({ record }) => recordKind(record) === 'call' && record.stream.seq === seq),
          `audit has sealed ${what}`,
        )
      }
    }
    // What came through LIFECYCLE is there once, as malformed.
    for (const { what, data, sealedUnder } of ofActivity) {
      const digest = sha256(data)
      const records = evidence.log.flatMap(({ record }) =>
        record.version === 3 && record.stream.name === 'LIFECYCLE' && record.cloudEvent.digest === digest ? record : [],
      )
      assert.deepEqual(
        records.map(({ tenant, server, event }) => subjects.auditRecord(tenant, server, event)),
        [sealedUnder],
        `audit has sealed ${what} once`,
      )
      assert.equal(typeof records[0]!.cloudEvent.malformed, 'string', `audit has sealed ${what} as malformed`)
    }
    // Who verifies the log is told of each call that begins in the middle, and of nothing else.
    const begun = all.flatMap(({ subject, headers }) =>
      headers === undefined ? (parseCallSubject(subject) ?? []) : [],
    )
    assert.deepEqual(
      evidence.problemsOfPoisoned.toSorted(),
      begun
        .filter(({ event, tenant }) => event !== 'requested' && tenant === 'default')
        .map(({ callId, event }) => `call ${callId}: ${event} may not follow nothing that came before it`)
        .toSorted(),
    )
    assert.deepEqual(checkRun(evidence), [])
  },
)
