/**
 * What an export of a whole log takes: `node services/console/test/bench/export.ts <log> [format …]`, where the log was written by
 * `services/audit/test/bench/write-log.ts`. Serves it with a real audit and console on a nats-server of its own, indexes it in `<log>-served`,
 * and exports all of it with the command in each format. Prints records a second, the length of the file, and what the command had resident:
 * its most, and the medians of the second and the last quarter of its time. What is there already is not indexed again.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { verbs } from '@countersign/contracts'
import { startTestBus, until } from '@countersign/testing'

const [log, ...named] = process.argv.slice(2)
if (log === undefined) {
  console.error('usage: export.ts <log> [jsonl | csv | parquet …]')
  process.exit(2)
}
const formats = named.length > 0 ? named : ['jsonl', 'csv', 'parquet']
const patienceMs = 1_800_000
const everyMs = 100
const programs = {
  audit: '../../../audit/src/main.ts',
  console: '../../src/main.ts',
  cli: '../../src/cli/main.ts',
}
const cleanups: (() => Promise<void> | void)[] = []
const { server, connect } = await startTestBus({ after: (clean) => void cleanups.unshift(clean) })
const dir = await mkdtemp(join(dirname(resolve(log)), 'export-'))
cleanups.unshift(() => rm(dir, { recursive: true, force: true }))

try {
  startService('audit', {
    ...(await credentials('audit')),
    COUNTERSIGN_AUDIT_DIR: log,
    COUNTERSIGN_AUDIT_KEY_FILE: `${log}-key.pem`,
    COUNTERSIGN_AUDIT_INDEX_DIR: `${log}-served`,
  })
  const { url, token } = await startConsole()
  const reader = await connect('console')
  const indexed = async () => {
    const { size, indexed } = await reader.callApi(verbs.audit.index, { tenant: 'default' })
    return size > 0 && indexed >= size
  }
  await until(() => indexed().catch(() => false), 'all is indexed', patienceMs)
  const env = { COUNTERSIGN_CONSOLE_URL: url, COUNTERSIGN_TOKEN: token }
  for (const format of formats) await measure(format, env)
} finally {
  for (const clean of cleanups) await clean()
}

async function measure(format: string, env: Record<string, string>): Promise<void> {
  const file = `all.${format}`
  const begun = performance.now()
  const command = ['audit', 'export', '--out', file, '--json']
  const child = spawn(process.execPath, [fileURLToPath(new URL(programs.cli, import.meta.url)), ...command], {
    ...{ cwd: dir, env: { PATH: process.env.PATH!, ...env } },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const resident: number[] = []
  const sampling = setInterval(() => {
    const mib = residentMiB(child.pid!)
    if (mib !== undefined) resident.push(mib)
  }, everyMs)
  const exit = await new Promise<number | null>((done) => child.once('close', done))
  clearInterval(sampling)
  if (exit !== 0) throw new Error(`the export to ${format} ended with ${exit}`)
  const { records } = JSON.parse(said) as { records: number }
  const seconds = (performance.now() - begun) / 1000
  const { size } = await stat(join(dir, file))
  const quarter = (place: number) => resident.slice((place * resident.length) / 4, ((place + 1) * resident.length) / 4)
  console.log(
    `${format}: ${records} records in ${seconds.toFixed(1)} s, ${Math.round(records / seconds)} a second, ${Math.round(size / 2 ** 20)} MiB; ` +
      `resident ${Math.max(...resident)} MiB at most, ${median(quarter(1))} MiB in the second quarter, ${median(quarter(3))} MiB in the last`,
  )
  await rm(join(dir, file))
}

async function startConsole(): Promise<{ url: string; token: string }> {
  const token = randomBytes(32).toString('base64url')
  const tokenSha256 = createHash('sha256').update(token).digest('hex')
  const usersFile = join(dir, 'users.json')
  const operator = { id: 'operator', tenant: 'default', groups: ['operators'], tokenSha256 }
  await writeFile(usersFile, JSON.stringify({ users: [operator] }))
  const console = startService('console', {
    ...(await credentials('console')),
    COUNTERSIGN_USERS_FILE: usersFile,
    COUNTERSIGN_CONSOLE_PORT: '0',
  })
  let said = ''
  console.stderr!.setEncoding('utf8').on('data', (text: string) => (said += text))
  const served = () => /"port":(\d+),"msg":"the console is served"/.exec(said)?.[1]
  return { url: `http://127.0.0.1:${await until(served, 'the console is served')}`, token }
}

function startService(name: 'audit' | 'console', env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [fileURLToPath(new URL(programs[name], import.meta.url))], {
    env: { PATH: process.env.PATH!, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise((done) => child.once('exit', done))
  cleanups.unshift(async () => {
    child.kill()
    await ended
  })
  // Read, so that it never waits for a reader.
  child.stderr.resume()
  return child
}

async function credentials(user: 'audit' | 'console'): Promise<Record<string, string>> {
  const file = join(dir, `${user}.password`)
  await writeFile(file, server.passwords[user], { mode: 0o600 })
  return { COUNTERSIGN_NATS_URL: server.url, COUNTERSIGN_NATS_PASSWORD_FILE: file }
}

/** Undefined once the process has ended. */
function residentMiB(pid: number): number | undefined {
  try {
    return Math.round(Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024)
  } catch {
    return undefined
  }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
