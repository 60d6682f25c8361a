import { type CallFields, type CallEventData, digestOf, type JsonObject, newCallId } from '@countersign/contracts'

/** The common fields of a call, for tests. */
export function callFixture(more: Partial<CallFields> = {}, args: JsonObject = {}): CallFields {
  return {
    callId: newCallId(Date.now()),
    tenant: 'default',
    server: 'files',
    method: 'tools/call',
    tool: 'read_file',
    principal: 'agent',
    digest: digestOf(args),
    ...more,
  }
}

/** The data of a `requested` event, for tests. */
export function requestedFixture(
  more: Partial<CallEventData<'requested'>> = {},
  args: JsonObject = {},
): CallEventData<'requested'> {
  return {
    ...callFixture({}, args),
    groups: ['agents'],
    arguments: { inline: args },
    era: '2025-11-25',
    deadline: new Date(Date.now() + 60_000).toISOString(),
    replyTo: 'test',
    ...more,
  }
}
