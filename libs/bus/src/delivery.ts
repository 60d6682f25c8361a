import type { Msg } from '@nats-io/transport-node'

/** A delivered message, as a handler sees it. */
export interface Delivery {
  subject: string
  data: Uint8Array
  /** Sequence in the stream. */
  seq: number
  /** When it was stored. */
  storedAt: Date
  redelivered: boolean
  deliveries: number
  header(name: string): string | undefined
}

/** Reads what the server says of a message in its reply subject (`$JS.ACK…`, with or without domain and account). */
export function deliveryOf({ subject, data, headers, reply = '' }: Msg): Delivery {
  const tokens = reply.split('.')
  const [delivered, seq, , storedAtNanos] = (tokens.length > 9 ? tokens.slice(6) : tokens.slice(4))
    .slice(0, 4)
    .map((token) => BigInt(token))
  return {
    subject,
    data,
    seq: Number(seq),
    storedAt: new Date(Number(storedAtNanos! / 1_000_000n)),
    redelivered: delivered! > 1n,
    deliveries: Number(delivered),
    header: (name) => headers?.get(name) || undefined,
  }
}

/** The status code of a message that is no message; undefined for one that is. */
export function statusOf({ data, headers }: Msg): number | undefined {
  if (data.length > 0 || !headers) return undefined
  return headers.code === 0 ? undefined : headers.code
}
