import { closeSync, openSync } from 'node:fs'
import type { ArmMessage, FaultPoint } from './fault-point.ts'

/** The faults that this process is to suffer, as the harness sends them over IPC; each list replaces the one before. */
export class Faults {
  #points: FaultPoint[] = []

  constructor() {
    process.on('message', (message: Partial<ArmMessage>) => {
      if (!message.arm) return
      this.#points = message.arm
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
    }
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
