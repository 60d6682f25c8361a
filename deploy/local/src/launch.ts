/**
 * The launcher: everything on one machine, from one command.
 *
 * File map: options (command line) · bundle (the services in few files) · ports · state (keys, tokens, samples) · nats (the embedded server) · watch-store (when its disk was full) · supervise (service
 * processes) · launcher-user (as whom it asks) · await-samples (when agents can work) · policy-standing (what is in force) · screen (what people see) · `../start.sh` (`npm start`), `../install.mjs` (what must be there before any
 * of this can run).
 */
import { createPublicKey } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { freePort, isPortFree } from '@countersign/config'
import { auditLogOrigin, type LocalInfo } from '@countersign/contracts'
import { verifierKey } from '@countersign/tlog'
import { awaitSamples, type ToolServer } from './await-samples.ts'
import { programsOf } from './bundle.ts'
import { type LauncherUser, letLauncherIn } from './launcher-user.ts'
import { commandOf, stopLeftoverNats, superviseNats } from './nats.ts'
import { compileCache, type Options, root, services, settingsOf } from './options.ts'
import { moveSample } from './move-sample.ts'
import { policyStanding, type PolicyStanding } from './policy-standing.ts'
import { settlePorts } from './ports.ts'
import { localTenant, openState, type State, stateLayout } from './state.ts'
import { writeSecret } from './write-secret.ts'
import { type Supervised, superviseService } from './supervise.ts'

/** A running Countersign. */
export interface Running {
  info: LocalInfo
  state: State
  /** How each tool server stood when everything else was up. */
  servers: ToolServer[]
  /** How the policies stood then; undefined where nobody could be asked. */
  policies: PolicyStanding | undefined
  /** Processes by name, for people and tests who want to look at or kill them. */
  processes: Supervised[]
  /** Starts one more process of a service that runs as several; resolves to where agents reach it, if it is a gateway. */
  addReplica(name: 'gateway' | 'policy' | 'agent-executor'): Promise<string>
  stop(): Promise<void>
}

/**
 * Starts everything and resolves when agents can call the sample servers; others may still be on their way.
 *
 * @param say told what is being done, one line each
 * @throws Error saying plainly what is wrong: a port that is taken, a tool that is missing, a service that does not start
 */
export async function launch(options: Options, say: (line: string) => void): Promise<Running> {
  say('starting NATS, the services and the tool servers')
  const layout = stateLayout(options.stateDir)
  await refuseSecond(layout.pid)
  await stopLeftoverNats(layout.nats)
  const { gateway, console, nats } = options.ports
  const ports = await settlePorts({ gateway, console, nats })
  const wanted = options.ports.everything
  const everything = wanted !== 0 && (await isPortFree(wanted)) ? wanted : await freePort()
  const state = await openState(options.stateDir, options.fresh, everything, say)
  if (options.ports.everything === 0) await moveSample(layout.servers, say)
  await mkdir(options.stateDir, { recursive: true })
  await writeFile(layout.pid, String(process.pid))

  let launcher: LauncherUser | undefined
  const processes: Supervised[] = []
  const stopProcesses = async () => {
    // The gateway first: nothing new is taken while the rest finishes.
    for (const group of [
      ['gateway', 'console'],
      ['agent-executor', 'lifecycle', 'policy'],
      ['audit'],
      ['nats-server'],
    ]) {
      const isOf = ({ name }: Supervised) => group.includes(serviceOf(name))
      await Promise.all(processes.filter(isOf).map((process) => process.stop()))
    }
  }
  const leave = async () => {
    try {
      await launcher?.end()
    } finally {
      await rm(layout.pid, { force: true })
    }
  }
  const stop = () => stopProcesses().finally(leave)
  try {
    launcher = await letLauncherIn(layout.users, localTenant)
    const bundled = programsOf(say)
    const server = await superviseNats(state, ports.nats, say, say)
    processes.push(server)
    const programOf = await bundled
    const start = async (service: (typeof services)[number], name: string, env: Record<string, string>) => {
      const logFile = join(layout.logs, `${name}.log`)
      processes.push(await superviseService({ name, main: programOf(service), env, logFile, onDeath: say }))
    }
    const started = services.map((name, place) =>
      start(name, name, { ...settingsOf(options, place), ...environmentOf(name, state, server.url, ports) }),
    )
    const addReplica: Running['addReplica'] = async (service) => {
      const port = await freePort()
      const number = processes.filter(({ name }) => serviceOf(name) === service).length + 1
      const own = environmentOf(service, state, server.url, { gateway: port, console: 0 })
      await start(service, `${service}-${number}`, { ...options.settings, ...own })
      return `http://127.0.0.1:${port}`
    }
    const failed = (await Promise.allSettled(started)).find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
    const info = await localInfo(state, ports, options.settings?.COUNTERSIGN_AUDIT_LOG_OWNER)
    const servers = await awaitSamples(info, launcher.token, layout.servers)
    const policies = await policyStanding(info, launcher.token)
    await launcher.end()
    await writeSecret(layout.local, `${JSON.stringify(info, undefined, 2)}\n`)
    return { info, state, servers, policies, processes, addReplica, stop }
  } catch (error) {
    // What went wrong first is what is to be mended.
    await stop().catch((later: Error) => say(`nor did it stop cleanly: ${later.message}`))
    throw error
  }
}

/** The service that a process is a replica of, by its name: `policy` of `policy-2`. */
export function serviceOf(name: string): string {
  return name.replace(/-\d+$/, '')
}

async function refuseSecond(pidFile: string): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''))
  if (pid && pid !== process.pid && /main\.ts/.test(commandOf(pid))) {
    throw new Error(
      `Countersign is running already from this folder (process ${pid}); stop it with Ctrl-C there, or: kill ${pid}`,
    )
  }
}

/** What each service is told: its own credentials and nobody else's. */
function environmentOf(
  name: (typeof services)[number],
  { layout }: State,
  natsUrl: string,
  ports: { gateway: number; console: number },
): Record<string, string> {
  const own: Record<(typeof services)[number], Record<string, string>> = {
    policy: { POLICIES_DIR: layout.policies, GRANT_KEY_FILE: layout.grantKey },
    audit: {
      ...{ AUDIT_DIR: layout.audit, AUDIT_KEY_FILE: layout.auditKey, AUDIT_EXPORTS_DIR: layout.exports },
      ...{ AUDIT_SUBJECT_KEYS_DIR: layout.subjectKeys, AUDIT_SUBJECT_KEK_FILE: layout.subjectKek },
      AUDIT_REDACTION_KEY_FILE: layout.redactionKey,
    },
    lifecycle: { SERVERS_DIR: layout.servers, RUN_DIR: layout.run, PATH_PREPEND: join(root, 'node_modules', '.bin') },
    'agent-executor': { GRANT_PUBLIC_KEYS_FILE: layout.grantPublicKeys },
    gateway: { GATEWAY_PORT: String(ports.gateway), USERS_FILE: layout.users },
    console: { CONSOLE_PORT: String(ports.console), USERS_FILE: layout.users },
  }
  const inherited = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TMPDIR', 'SHELL', 'OTEL_EXPORTER_OTLP_ENDPOINT']
  const environment = inherited.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]]))
  const settings = { NATS_URL: natsUrl, NATS_PASSWORD_FILE: layout.passwords(name), ...own[name] }
  return {
    ...(Object.fromEntries(environment) as Record<string, string>),
    // Few allocation arenas: with the default, buffers of many threads keep a fifth more memory resident.
    MALLOC_ARENA_MAX: '2',
    // Code that was compiled before: a second off each start, and the compiler's own memory (20 MiB) is never taken.
    NODE_COMPILE_CACHE: compileCache,
    PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`,
    ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [`COUNTERSIGN_${key}`, value])),
  }
}

async function localInfo(
  { layout, passwords, tokens }: State,
  ports: { gateway: number; console: number; nats: number },
  logOwner: string | undefined,
): Promise<LocalInfo> {
  const auditKey = createPublicKey(await readFile(layout.auditKey, 'utf8'))
  return {
    gateway: `http://127.0.0.1:${ports.gateway}`,
    console: `http://127.0.0.1:${ports.console}`,
    nats: `nats://127.0.0.1:${ports.nats}`,
    tokens,
    natsCreds: {
      auditor: { user: 'auditor', pass: passwords.auditor },
      auditReader: { user: 'audit-reader', pass: passwords['audit-reader'] },
    },
    auditLog: {
      // Every tenant has a log of its own; on this machine there is one.
      dir: join(layout.audit, localTenant),
      verifierKey: verifierKey(auditKey, auditLogOrigin(localTenant, logOwner)).text,
    },
  }
}
