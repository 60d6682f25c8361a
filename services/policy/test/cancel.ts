import { type CallEvent, callFieldsOf, makeEvent } from '@countersign/contracts'

/** The event with which a gateway withdraws a call. */
export function cancelled({ data }: CallEvent<'requested'>): CallEvent<'cancelled'> {
  return makeEvent('cancelled', { ...callFieldsOf(data), reason: 'the caller withdrew' }, { now: new Date() })
}
