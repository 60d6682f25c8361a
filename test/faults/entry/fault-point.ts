/** A place on the path of a call where a process can be stopped. */
export interface FaultPoint {
  /**
   * What the process is about to do or has done: `publish:<event>` (a call's event), `store:<stream>` (an alarm, a sealed record, a server
   * event), `take:<consumer>` (a message was delivered), `ack:<consumer>`, `hear:<first word of the subject>` (a hint came), `purge:<stream>`,
   * `put:<bucket>`, `carry:payloads` (arguments or a result, in the object store where they are large).
   */
  step: string
  side: 'before' | 'after'
  /** Only where this text is in the subject, the key or the content: a call id, the name of a server. */
  text: string
  /**
   * `kill` ends the process by SIGKILL; `hold` goes no further, so that the harness can kill it with several calls at their places. `pause`
   * goes no further either, and with a call at each such place the process stops itself by SIGSTOP: when it is let go on, by SIGCONT, it
   * does so in the midst of all of these steps.
   */
  action: 'kill' | 'hold' | 'pause'
  /** A file made by the first process that gets there; a `kill` happens to that one only. */
  claim: string
}

/** What the harness tells an entry point over IPC. */
export interface ArmMessage {
  arm: FaultPoint[]
  /** Sent back once they are in force. */
  id: number
}
