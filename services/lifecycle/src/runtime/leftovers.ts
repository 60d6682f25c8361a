import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '@countersign/telemetry'
import { processIdentity } from './process-identity.ts'

const ending = '.pid'
const killAfterMs = 3000

/** Notes which process runs a server, for a later start of lifecycle that finds it orphaned. */
export async function noteProcess(runDir: string, server: string, pid: number): Promise<void> {
  const identity = await processIdentity(pid)
  if (identity !== undefined)
    await writeFile(join(runDir, server + ending), JSON.stringify({ pid, identity }), { mode: 0o600 })
}

export async function forgetProcess(runDir: string, server: string): Promise<void> {
  await rm(join(runDir, server + ending), { force: true })
}

/** Ends what an earlier lifecycle that was killed left running; a process id that somebody else has by now is left alone. */
export async function endLeftovers(runDir: string, log: Logger): Promise<void> {
  const names = (await readdir(runDir)).filter((name) => name.endsWith(ending))
  await Promise.all(
    names.map(async (name) => {
      const path = join(runDir, name)
      try {
        const { pid, identity } = JSON.parse(await readFile(path, 'utf8')) as { pid: number; identity: string }
        if ((await processIdentity(pid)) === identity) {
          log.info({ server: name.slice(0, -ending.length), pid }, 'a process was left over; ending it')
          await endGroup(pid, identity)
        }
      } catch (error) {
        log.warn({ path, err: error }, 'a left-over process could not be ended')
      }
      await rm(path, { force: true })
    }),
  )
}

async function endGroup(pid: number, identity: string): Promise<void> {
  process.kill(-pid, 'SIGTERM')
  const killAt = performance.now() + killAfterMs
  let killed = false
  while ((await processIdentity(pid)) === identity) {
    if (!killed && performance.now() >= killAt) {
      process.kill(-pid, 'SIGKILL')
      killed = true
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
