import { type ActivityEventData, type ActivityEventName, count, type JsonObject } from '@countersign/contracts'

/** Tells in one line what was done, by the event and its data. */
export function describeActivity(event: string, data: JsonObject): string {
  const describe = descriptions[event as ActivityEventName] as ((data: JsonObject) => string) | undefined
  try {
    return describe?.(data) ?? describeServerEvent(data)
  } catch {
    // An event of a newer version may lack what an older one had.
    return ''
  }
}

const descriptions: { [N in ActivityEventName]: (data: ActivityEventData<N>) => string } = {
  policies_changed: ({ revision, added, changed, removed }) =>
    [
      revision.after === null ? 'no policies any more' : `revision ${revision.after.slice(0, 19)}`,
      ...listOf('added', added),
      ...listOf('changed', changed),
      ...listOf('removed', removed),
    ].join('; '),
  policies_refused: ({ problemCount, problems }) => `${count(problemCount, 'problem')}: ${problems[0] ?? ''}`,
  signed_in: ({ address }) => `from ${address}`,
  sign_in_refused: ({ count: tokens, addresses }) => `${count(tokens, 'refused token')} ${whence(addresses)}`,
  token_refused: ({ count: tokens, addresses }) => `${count(tokens, 'refused token')} ${whence(addresses)}`,
  caller_refused: ({ code, count: tries, addresses }) =>
    `${code === undefined ? '' : `${code}, `}${count(tries, 'request')} ${whence(addresses)}`,
  calls_refused: ({ code, count: calls, principals }) =>
    [`${code}, ${count(calls, 'call')}`, ...listOf('of', principals)].join('; '),
  access_refused: ({ resource, count: tries, code, targets }) =>
    [`${resource.name}: ${code}, ${count(tries, 'request')}`, ...listOf('on', targets)].join('; '),
  audit_read: ({ kind, count: times, records, targets }) =>
    [`${kind}, ${count(times, 'request')}, ${count(records, 'record')}`, ...listOf('about', targets)].join('; '),
  erased: ({ resource, keys, reason }) =>
    `${resource.name}${keys === undefined ? '' : `, ${count(keys, 'key')}`}: ${reason}`,
  hold_placed: ({ resource, subject, callId, reason }) => `${resource.name}, ${heldOf(subject, callId)}: ${reason}`,
  hold_lifted: ({ resource, subject, callId, reason }) => `${resource.name}, ${heldOf(subject, callId)}: ${reason}`,
  exports_changed: ({ added, changed, removed }) =>
    [
      ...listOf('added', added.map(exportTold)),
      ...listOf('changed', changed.map(exportTold)),
      ...listOf('removed', removed),
    ].join('; '),
  exports_refused: ({ problemCount, problems }) => `${count(problemCount, 'problem')}: ${problems[0] ?? ''}`,
  dead_letters_retried: ({ resource, deadLetters }) => `${resource.name}, ${count(deadLetters, 'dead letter')}`,
  dead_letters_discarded: ({ resource, deadLetters }) => `${resource.name}, ${count(deadLetters, 'dead letter')}`,
  expired: ({ resource, before, keys }) => `${resource.name} before ${before}, ${count(keys, 'key')}`,
  keys_lost: ({ until }) => `of everything that was encrypted up to ${until}`,
}

function whence(addresses: readonly { address: string }[]): string {
  return `from ${addresses.map(({ address }) => address).join(', ')}`
}

function exportTold({ name, type, host, personal }: ActivityEventData<'exports_changed'>['added'][0]): string {
  return `${name} to ${host} (${type}${personal === 'open' ? ', personal content open' : ''})`
}

function heldOf(subject: string | null | undefined, callId: string | undefined): string {
  return callId === undefined ? (subject ?? 'the whole tenant') : `call ${callId} of ${subject}`
}

function describeServerEvent({ tool, message }: JsonObject): string {
  if (typeof message !== 'string') return ''
  return typeof tool === 'string' && !message.includes(tool) ? `${tool}: ${message}` : message
}

function listOf(what: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`${what} ${names.join(', ')}`]
}
