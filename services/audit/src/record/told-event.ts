/** What stands for an event in a record that is too large to be told with it. */
const notTold = '{}'

/** Bytes of an event's RFC 8785 form up to which a record is told with it: a message of the bus, and an answer on it, has 8 MiB. */
const maxToldBytes = 6 * 1024 * 1024

/**
 * Says whether a record is told with its event, on `AUDIT`, in answers and in exports. One that is not has `cloudEvent: {}`, and its
 * `content` names where the event lies (`isTold`). Told is the same when it is sealed and whenever it is read from the log.
 *
 * @param size bytes of the event's RFC 8785 form
 * @param event its RFC 8785 form; asked for where it is told
 */
export function toldEvent<T extends string | Promise<string>>(size: number, event: () => T): T | string {
  return size > maxToldBytes ? notTold : event()
}
