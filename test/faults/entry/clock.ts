/** What the harness tells an entry point over IPC: how far its clock is to be wrong. */
export interface ClockMessage {
  clockMs: number
}

let wrongByMs = 0
const RightDate = Date
const now = () => RightDate.now() + wrongByMs

/**
 * Lets the harness set this process's clock wrong, as the machine it runs on might be. Only what tells the time of day is wrong: timers
 * and `performance` go on as they did, as they do when a real clock jumps.
 */
export function installClock(): void {
  globalThis.Date = new Proxy(RightDate, {
    construct: (target, args: unknown[], newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
    apply: () => new Date().toString(),
    get: (target, key) => (key === 'now' ? now : (Reflect.get(target, key) as unknown)),
  })
  process.on('message', (message: Partial<ClockMessage>) => {
    if (message.clockMs !== undefined) wrongByMs = message.clockMs
  })
}
