import { execFileSync } from 'node:child_process'
import { type Running, serviceOf } from '@countersign/local'

/** Every process of a running Countersign, by the name of its service; the embedded database, which audit starts, has its own. */
export function processesOf({ processes }: Running): { name: string; pid: number }[] {
  const own = processes.map(({ name, pid }) => ({ name, pid: pid()! }))
  const audit = own.find(({ name }) => serviceOf(name) === 'audit')?.pid
  return [...own, ...tree().flatMap(({ pid, parent }) => (parent === audit ? [{ name: 'index of audit', pid }] : []))]
}

/** Resident memory of a process, in MiB. */
export function residentOf(pid: number): number {
  const kib = Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }).trim())
  return Math.round(kib / 1024)
}

/** Resident memory of a process and all that it started, in MiB. */
export function residentOfTree(root: number): number {
  const rows = tree()
  const ofTree = (of: number): number =>
    rows.reduce((sum, { pid, parent, kib }) => sum + (pid === of ? kib : parent === of ? ofTree(pid) : 0), 0)
  return Math.round(ofTree(root) / 1024)
}

/** Resident memory of a running Countersign, in MiB: of every process, or of all replicas of a service together. */
export function residentMiB(running: Running): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const { name, pid } of processesOf(running)) {
    sums[serviceOf(name)] = (sums[serviceOf(name)] ?? 0) + residentOf(pid)
  }
  return sums
}

/** All processes of the machine. */
function tree(): { pid: number; parent: number; kib: number }[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss='], { encoding: 'utf8' }).trim().split('\n')
  return rows.map((row) => {
    const [pid, parent, kib] = row.trim().split(/\s+/).map(Number)
    return { pid: pid!, parent: parent!, kib: kib! }
  })
}
