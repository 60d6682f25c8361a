import { type JsonObject, statusToolName } from '@countersign/contracts'

/** The gateway's own tool: how a held or long call is asked about later. */
export const statusTool: JsonObject = {
  name: statusToolName,
  title: 'Status of a call',
  description:
    'Tells how an earlier tool call of yours stands, by the callId that a pending or unfinished answer named. Returns the ' +
    "tool's own result once there is one. Asking never runs a tool.",
  inputSchema: {
    type: 'object',
    properties: { callId: { type: 'string', description: 'The callId of the earlier answer' } },
    required: ['callId'],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false },
}
