import { execFileSync } from 'node:child_process'
import type { Running } from '@countersign/local'

/** Resident memory of every process of a running Countersign, in MiB. */
export function residentMiB({ processes }: Running): Record<string, number> {
  return Object.fromEntries(
    processes.flatMap(({ name, pid }) => {
      const kib = Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid())], { encoding: 'utf8' }).trim())
      return [[name, Math.round(kib / 1024)]]
    }),
  )
}
