import { type BusUser, busUsers, permissionsOf } from '@countersign/contracts'

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
  maxFileStore?: number
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
      max_payload: 8 * 1024 * 1024,
      jetstream: {
        store_dir: options.storeDir,
        sync_interval: 'always',
        ...(options.maxFileStore ? { max_file_store: options.maxFileStore } : {}),
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
