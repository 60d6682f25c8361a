import { readFileSync } from 'node:fs'
import type { Running } from '@countersign/local'
import { processesOf } from './resident.ts'

/** A tick of the kernel's accounting, in milliseconds (`USER_HZ` is 100 on Linux). */
const tickMs = 10

/** Processor time that each process of a running Countersign has taken so far, in milliseconds; only where the system tells. */
export function processorMs(running: Running): Record<string, number> {
  if (process.platform !== 'linux') return {}
  return Object.fromEntries(processesOf(running).map(({ name, pid }) => [name, ticksOf(pid) * tickMs]))
}

/** User and system time, fields 14 and 15 of `/proc/<pid>/stat`; what comes before the last `)` may hold anything. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
  return Number(fields[11]) + Number(fields[12])
}
