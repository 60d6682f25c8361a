import { readFileSync, writeFileSync } from 'node:fs'

/**
 * Linux shares the processor among sessions first (autogroup, see sched(7)): the priority of a process counts only within its own, and this is that
 * of the session. Unlike the other it may be raised again without being root.
 */
const sessionPriority = '/proc/self/autogroup'
/** A ninth of what the others get that want it just then. */
const behindOthers = 10

/**
 * Where audit stands among the processes of a machine. Nobody waits for a record, so calls go first, unless audit is behind: then it
 * takes what everybody takes, because calls are refused when it is too far behind (I7).
 */
export class Priority {
  #isLow = false

  /** Changes nothing where audit has no session of its own, such as started from a shell, or where there are no such priorities. */
  giveWay(isLow: boolean): void {
    if (isLow === this.#isLow || !hasOwnSession()) return
    try {
      writeFileSync(sessionPriority, String(isLow ? behindOthers : 0))
      this.#isLow = isLow
    } catch {
      // Another kernel, or changed by somebody within the last 100 ms: next time.
    }
  }
}

/** The session is the sixth field of `/proc/<pid>/stat`; what comes before the last `)` may hold anything. */
function hasOwnSession(): boolean {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)!.split(' ')
    return Number(fields[3]) === process.pid
  } catch {
    return false
  }
}
