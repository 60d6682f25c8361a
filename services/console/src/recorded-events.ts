import { activityEventNames, callEventNames, LifecycleEvent } from '@countersign/contracts'

/** Every event that a record can be of: of calls, of tool servers, and of Countersign itself. */
export const recordedEvents: readonly string[] = [
  ...callEventNames,
  ...LifecycleEvent.shape.event.options,
  ...activityEventNames,
]
