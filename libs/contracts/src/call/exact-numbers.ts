/**
 * The member of a result's `_meta` with the integers in it that a double cannot hold, as the tool server wrote them: an object from JSON
 * Pointer (RFC 6901, from the result on) to the digits. Numbers in events are doubles (RFC 8785), and so are those of many clients.
 */
export const exactNumbersMeta = 'countersign.dev/exact-numbers'

/** The member of a result's `_meta` with how many such integers are not in the list, which is bounded. */
export const moreExactNumbersMeta = 'countersign.dev/exact-numbers-left-out'
