export { KnownSecrets, minSecretLength } from './upstream/known-secrets.ts'
export type { UpstreamOutcome } from './upstream/post.ts'
export { redactText } from './upstream/redact-secrets.ts'
export type { InvalidTool, ToolList } from './upstream/tool-list.ts'
export { type ServerHello, type ToolCall, Upstream, UpstreamError, type UpstreamOptions } from './upstream/upstream.ts'
export {
  checkRevision,
  claimedEra,
  type Era,
  eraOfRequest,
  legacyEra,
  mcpNameOf,
  metaKeys,
  modernEra,
  negotiableVersions,
} from './wire/era.ts'
export { decodeHeaderValue, encodeHeaderValue } from './wire/header-value.ts'
export {
  readRpcMessage,
  requestIdOf,
  type RpcError,
  type RpcId,
  type RpcMessage,
  type RpcNotification,
  type RpcRequest,
} from './wire/json-rpc.ts'
export { checkParamHeaders, type ParamHeader, paramHeadersOf, readParamHeaders } from './wire/param-headers.ts'
export { formatSse, type SseEvent, SseReader } from './wire/sse.ts'
export { parseStrictJson, StrictJsonError } from './wire/strict-json.ts'
