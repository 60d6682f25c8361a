import type { Followed } from '@countersign/bus'
import { failureCodeOf } from '@countersign/contracts'
import { approverGroupsOf, type CallNews } from '../call-answer.ts'
import { storedCallEvent } from './stored-call-event.ts'

/** An event of a call, as the feed hands it to those who may see it. */
export interface CallNotice {
  seq: number
  tenant: string
  /** Groups that may vote, in a `held` event. */
  approverGroups: string[]
  news: CallNews
}

/** Reads a stored event; undefined for what is not an event of a call. */
export function callNotice(message: Followed): CallNotice | undefined {
  const stored = storedCallEvent(message)
  if (!stored) return undefined
  const { seq, tenant, event, call, data, time } = stored
  const { callId, server, tool, principal } = call
  const code = failureCodeOf(data)
  return {
    seq,
    tenant,
    approverGroups: event === 'held' ? approverGroupsOf(data) : [],
    news: { callId, event, server, tool, principal, time, ...(code === undefined ? {} : { code }) },
  }
}
