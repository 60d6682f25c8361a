import { execFileSync } from 'node:child_process'
import type { Running } from '@countersign/local'

/** Resident memory of a process, in MiB. */
export function residentOf(pid: number): number {
  const kib = Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }).trim())
  return Math.round(kib / 1024)
}

/** Resident memory of a process and all that it started, in MiB. */
export function residentOfTree(root: number): number {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number) as [pid: number, parent: number, kib: number])
  const ofTree = (pid: number): number =>
    rows.reduce((sum, [own, parent, kib]) => sum + (own === pid ? kib : parent === pid ? ofTree(own) : 0), 0)
  return Math.round(ofTree(root) / 1024)
}

/** Resident memory of every process of a running Countersign, in MiB. */
export function residentMiB({ processes }: Running): Record<string, number> {
  return Object.fromEntries(processes.map(({ name, pid }) => [name, residentOf(pid()!)]))
}
