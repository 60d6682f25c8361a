import type { JetStreamManager } from '@nats-io/jetstream'

/** What a durable consumer has still to acknowledge. */
export interface Backlog {
  /** Messages, delivered or not. */
  messages: number
  /** How long the oldest of them has been stored, in milliseconds; 0 where there is none. */
  oldestMs: number
}

/**
 * Measures how far a durable consumer is behind, in number and in time. Both times are the server's, so clocks that differ do not matter.
 *
 * @throws Error when the server does not answer, or does not know the consumer
 */
export async function consumerBacklog(jsm: JetStreamManager, stream: string, name: string): Promise<Backlog> {
  const info = await jsm.consumers.info(stream, name)
  const messages = info.num_pending + info.num_ack_pending
  if (messages === 0) return { messages, oldestMs: 0 }
  // Of the leader: another server may not have it yet.
  const oldest = await jsm.streams.getMessage(stream, {
    seq: info.ack_floor.stream_seq + 1,
    next_by_subj: info.config.filter_subject ?? '>',
  } as { seq: number })
  // Acknowledged or removed between the two questions.
  if (!oldest) return { messages, oldestMs: 0 }
  return { messages, oldestMs: Math.max(0, Date.parse(serverTime(info)) - oldest.time.getTime()) }
}

/** The client's type leaves out when the server answered. */
function serverTime(info: object): string {
  return (info as { ts?: string }).ts ?? new Date().toISOString()
}
