import type { Followed } from '@countersign/bus'
import { CallFields, failureCodeOf, isJsonObject, parseCallSubject } from '@countersign/contracts'
import { approverGroupsOf, type CallNews } from '../call-answer.ts'

/** An event of a call, as the feed hands it to those who may see it. */
export interface CallNotice {
  seq: number
  tenant: string
  /** Groups that may vote, in a `held` event. */
  approverGroups: string[]
  news: CallNews
}

/** Reads a stored event; undefined for what is not an event of a call. */
export function callNotice({ subject, data, seq, storedAt }: Followed): CallNotice | undefined {
  const at = parseCallSubject(subject)
  if (!at) return undefined
  let stored: unknown
  try {
    stored = JSON.parse(new TextDecoder().decode(data))
  } catch {
    return undefined
  }
  const content = isJsonObject(stored) && isJsonObject(stored.data) ? stored.data : undefined
  const call = CallFields.safeParse(content)
  if (!content || !call.success) return undefined
  const { callId, server, tool, principal } = call.data
  const code = failureCodeOf(content)
  return {
    seq,
    tenant: at.tenant,
    approverGroups: at.event === 'held' ? approverGroupsOf(content) : [],
    news: {
      callId,
      event: at.event,
      server,
      tool,
      principal,
      time: storedAt.toISOString(),
      ...(code === undefined ? {} : { code }),
    },
  }
}
