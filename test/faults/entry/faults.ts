import { closeSync, openSync } from 'node:fs'
import type { ArmMessage, FaultPoint } from './fault-point.ts'

/** The faults that this process is to suffer, as the harness sends them over IPC; each list replaces the one before. */
export class Faults {
  #points: FaultPoint[] = []
  #pause = new Pause([])

  constructor() {
    process.on('message', (message: Partial<ArmMessage>) => {
      if (!message.arm) return
      this.#points = message.arm
      this.#pause = new Pause(message.arm.filter(({ action }) => action === 'pause'))
      process.send?.({ armed: message.id })
    })
  }

  /**
   * To be called where a fault may happen. Returns when none does.
   *
   * @param texts subjects, keys and contents of what is being done
   */
  async at(step: string, side: FaultPoint['side'], ...texts: string[]): Promise<void> {
    for (const point of this.#points) {
      if (point.step !== step || point.side !== side || !texts.some((text) => text.includes(point.text))) continue
      const first = claimed(point.claim)
      if (point.action === 'kill' && first) process.kill(process.pid, 'SIGKILL')
      // Every copy of a held step is held, so that no retry gets past it.
      if (point.action === 'hold') await new Promise(() => {})
      if (point.action === 'pause') await this.#pause.at(point)
    }
  }
}

/** One stop of this process, in the midst of several steps. */
class Pause {
  readonly #missing: Set<FaultPoint>
  readonly #over = Promise.withResolvers<void>()

  constructor(points: readonly FaultPoint[]) {
    this.#missing = new Set(points)
  }

  /** Resolves when the process was stopped and goes on: at once, before it has heard what happened meanwhile. */
  at(point: FaultPoint): Promise<void> {
    if (this.#missing.delete(point) && this.#missing.size === 0) {
      process.kill(process.pid, 'SIGSTOP')
      this.#over.resolve()
    }
    return this.#over.promise
  }
}

/** True for the first process that asks. */
function claimed(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx'))
    return true
  } catch {
    return false
  }
}
