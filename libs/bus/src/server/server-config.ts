import { type BusUser, busUsers, permissionsOf } from '@countersign/contracts'
import { leastMaxPayload } from '../provision.ts'

/**
 * Bytes: more than the budgets of all streams together. Left out, it is three quarters of what is free on the disk at each start, and a server
 * on which less is free than the budgets are refuses to make its streams.
 */
const maxFileStore = 64 * 1024 ** 3

/** What a generated nats-server configuration needs to know. */
export interface ServerConfigOptions {
  name: string
  host: string
  /** -1 takes a free port and writes it to a file in `portsDir`. */
  port: number
  portsDir?: string
  storeDir: string
  passwords: Record<BusUser, string>
  logFile?: string
  /** Left out for a server that stands alone. */
  cluster?: ClusterSection
}

/** How a nats-server reaches the others of its cluster. `ServerConfigOptions.name` must then be different for each. */
export interface ClusterSection {
  /** The same for all of them. */
  name: string
  /** Where it listens for the others. */
  host: string
  port: number
  /** What lets a server in as one of them; no client knows it. */
  password: string
  /** `host:port` of the others; its own may be among them. */
  routes: readonly string[]
  /** `host:port` that the others are told to find it at; left out, the address they see. */
  advertise?: string
}

/**
 * The configuration of a nats-server: users with exactly the permissions of the event table (I11), and `sync_interval: always`,
 * so that an acknowledged publish is on disk. The text holds passwords: write it with mode 600.
 */
export function natsServerConfig(options: ServerConfigOptions): string {
  return JSON.stringify(
    {
      server_name: options.name,
      host: options.host,
      port: options.port,
      ...(options.portsDir ? { ports_file_dir: options.portsDir } : {}),
      ...(options.logFile
        ? { log_file: options.logFile, logfile_size_limit: 16 * 1024 * 1024, logfile_max_num: 3 }
        : {}),
      max_payload: leastMaxPayload,
      ...(options.cluster ? { cluster: clusterConfig(options.cluster) } : {}),
      jetstream: {
        store_dir: options.storeDir,
        sync_interval: 'always',
        max_file_store: maxFileStore,
      },
      authorization: {
        users: busUsers.map((user) => {
          const { publish, publishDenied, subscribe } = permissionsOf(user)
          return {
            user,
            password: options.passwords[user],
            permissions: { publish: { allow: publish, deny: publishDenied }, subscribe: { allow: subscribe } },
          }
        }),
      },
    },
    undefined,
    2,
  )
}

function clusterConfig({ name, host, port, password, routes, advertise }: ClusterSection) {
  const user = 'route'
  return {
    name,
    host,
    port,
    authorization: { user, password },
    routes: routes.map((address) => `nats-route://${user}:${encodeURIComponent(password)}@${address}`),
    // A server that is cut off is noticed within 15 s instead of a minute and more: until then it is still sent what it might answer.
    ping_interval: '5s',
    ping_max: 2,
    // Clients are given the addresses of all servers; those that servers see of one another may lead nowhere for them.
    no_advertise: true,
    ...(advertise ? { advertise } : {}),
  }
}
