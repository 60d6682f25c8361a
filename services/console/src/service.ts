/**
 * The console: what people and their programs see, approve and ask. It keeps nothing; every answer comes from the bus.
 *
 * File map: api/ is the HTTP API: one table of routes a resource (approvals.ts, calls.ts, servers.ts, policies.ts, audit.ts,
 * status.ts), each authenticated, validated and answered by create-app.ts, which has sign-ins.ts record who came, and access-records.ts who was refused and who read the log; feed/ is the live feed of calls. cli/ is the
 * command `countersign`, which knows nothing but the API.
 *
 * What it upholds:
 * - I3: the arguments shown are checked against the digest that is voted on; a vote carries the digest that was shown.
 * - I4: the console takes no decision; who may vote and what counts is policy's, who votes is what the token says.
 * - I9: no token, token file or password is in any answer.
 * - I11: of events it publishes who signed in, who was refused and who read the audit log; its bus user could publish nothing else.
 */
import { ActivityLog, RegistryView } from '@countersign/bus'
import { UsersFileAuthenticator } from '@countersign/identity'
import { type Part, readHosts, type ServiceContext } from '@countersign/runtime'
import { AccessRecords } from './api/access-records.ts'
import { CallFeed, defaultFeedLimits } from './api/feed/call-feed.ts'
import { Listener } from './api/listener.ts'
import { ReplicaFaults } from './api/replica-faults.ts'
import { SignIns } from './api/sign-ins.ts'
import { UnreadableMessages } from './api/unreadable.ts'
import type { Settings } from './config.ts'

/** The parts of the console, in start order. */
export function consoleParts(config: Settings, { bus, log }: ServiceContext): Part[] {
  const registry = new RegistryView()
  const feed = new CallFeed(bus, log, { ...defaultFeedLimits, maxClients: config.consoleStreams })
  const unreadable = new UnreadableMessages(bus)
  const replicaFaults = new ReplicaFaults(bus)
  const authenticator = new UsersFileAuthenticator(config.usersFile, {
    onProblem: (problem) => log.error({ problem }, 'the users read last stay in force'),
  })
  const served = { hosts: readHosts(config.consoleHosts), setting: 'COUNTERSIGN_CONSOLE_HOSTS' }
  const activities = new ActivityLog(bus, ({ subject, error, givenUp }) =>
    log.warn({ subject, err: error }, givenUp ? 'an activity could not be stored' : 'an activity cannot be stored yet'),
  )
  const { platformTenant } = config
  const signIns = new SignIns(activities, platformTenant)
  const accesses = new AccessRecords(activities)
  return [
    { name: 'activities', start() {}, stop: () => activities.close() },
    signIns,
    accesses,
    { name: 'registry', start: () => registry.start(bus), stop: () => registry.stop() },
    unreadable,
    replicaFaults,
    new Listener(
      { bus, log, registry, feed, unreadable, replicaFaults, authenticator, signIns, accesses, served, platformTenant },
      { host: config.consoleHost, port: config.consolePort },
    ),
  ]
}
