import type { Gone } from './driver.ts'
import type { DeadLetter } from './export-state.ts'

/** Why records do not get on. */
export interface Trouble {
  /** `failing`: it is tried again. `blocked`: nothing more is sent until somebody does something. */
  state: 'failing' | 'blocked'
  problem: string
  /** What to do about it. */
  remedy: string
  /** Milliseconds since the epoch. */
  since: number
}

/** What others say may be long. */
const maxProblemLength = 500

/** The trouble that an error is. */
export function failing(error: unknown, since: number): Trouble {
  const remedy =
    'look at the target and at what the document says of it; it is tried again by itself, and nothing is lost'
  return { state: 'failing', problem: (error as Error).message.slice(0, maxProblemLength), remedy, since }
}

/** A target wants nothing any more: only somebody who may change documents can say whether it is to be asked again. */
export function gone({ message: problem }: Gone, since: number): Trouble {
  const remedy =
    'remove its document, or change it: then it goes on where it is. To ask the same target again, take the document away and put it back, or have its dead letters sent again'
  return { state: 'blocked', problem, remedy, since }
}

/** As many records were set aside of a tenant as are kept. Its own operators settle them. */
export function tooManyLetters(name: string, tenant: string, letters: readonly DeadLetter[]): Trouble {
  const problem = `${letters.length} dead letters are kept and no more: retry or discard them, then it goes on`
  const remedy = `as an operator of ${tenant}, see why: countersign audit exports; mend that, then: countersign audit exports retry ${name}, or without them: countersign audit exports discard ${name}`
  return { state: 'blocked', problem, remedy, since: Math.max(...letters.map(({ at }) => Date.parse(at))) }
}

/** The log of a tenant ends before what was sent of it. */
export function setBack(size: number, next: number, since: number): Trouble {
  const problem = `the log ends at ${size}, but records up to ${next} were sent: it was set back`
  const remedy = 'find out why; give the export another name in its document to begin anew'
  return { state: 'blocked', problem, remedy, since }
}

/** @param at milliseconds since the epoch */
export function instant(at: number): string {
  return new Date(at).toISOString()
}
