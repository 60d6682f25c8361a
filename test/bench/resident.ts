import { execFileSync } from 'node:child_process'
import { type Running, serviceOf } from '@countersign/local'

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

/** Resident memory of a running Countersign, in MiB: of every process, or of all replicas of a service together. */
export function residentMiB({ processes }: Running): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const { name, pid } of processes) sums[serviceOf(name)] = (sums[serviceOf(name)] ?? 0) + residentOf(pid()!)
  return sums
}
