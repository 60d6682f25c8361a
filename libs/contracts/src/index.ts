export {
  activityEnvelopeSchema,
  type ActivityEvent,
  activityEventType,
  makeActivityEvent,
} from './activity/envelope.ts'
export {
  type ActivityEventData,
  type ActivityEventName,
  activityEventNames,
  activityEvents,
  activityFields,
  isActivityEventName,
  type PoliciesChanged,
  type PoliciesRefused,
  Resource,
} from './activity/events.ts'
export {
  AuditFilter,
  AuditQuery,
  type Bucket,
  bucketSeconds,
  CallStory,
  CallView,
  CountAnswer,
  CountQuery,
  Coverage,
  IndexStatus,
  maxBuckets,
  TopAnswer,
  topFields,
  TopQuery,
} from './api/audit-queries.ts'
export { DocumentProblem } from './api/document-problem.ts'
export { ExportsView, ExportTrouble, ExportView } from './api/export-view.ts'
export { ErasureView, HoldView, SubjectView } from './api/erasure.ts'
export { ApiError, type ApiReply, apiVerb, type ApiVerb } from './api/reply.ts'
export { ToldFaults, toldFaultsEveryMs } from './api/told-faults.ts'
export { ApprovalView, AuditStanding, PoliciesView, PolicyView, Principal, verbs, Vote } from './api/verbs.ts'
export { callRow, failureCodeOf, type Standing } from './call/call-row.ts'
export {
  Approval,
  Arguments,
  callFields,
  CallFields,
  callFieldsOf,
  CredentialRef,
  Decision,
  Digest,
  Failure,
  Instant,
  MatchedRule,
  maxInlineBytes,
  PayloadRef,
  RecordedCallFields,
} from './call/common.ts'
export { type CallEvent, decodeEvent, envelopeSchema, eventType, makeEvent, MalformedEvent } from './call/envelope.ts'
export { eventContentType } from './envelope.ts'
export {
  Allowed,
  ApprovalTerms,
  type CallEventData,
  type CallEventName,
  callEventNames,
  callEvents,
  Cancelled,
  Denied,
  Dispatched,
  Failed,
  Held,
  isCallEventName,
  Previewed,
  Requested,
  Resolved,
  Succeeded,
  Unknown,
  Voted,
} from './call/events.ts'
export { exactNumbersMeta, moreExactNumbersMeta } from './call/exact-numbers.ts'
export { Grant, GrantClaims, grantKeyId, grantSigningInput, maxClockSkewMs } from './call/grant.ts'
export { History, type HistoryEntry, mayFollow, tally, type Tally } from './call/history.ts'
export { toolResultProblem } from './call/tool-result.ts'
export { count } from './count.ts'
export { canonicalJson, digestOf, sha256, sortedKeys } from './digest.ts'
export { AuditExport, ExportTarget } from './documents/audit-export.ts'
export { AuditRetention, type KeepByKind } from './documents/audit-retention.ts'
export { matchTarget } from './documents/match-target.ts'
export { maxDocumentBytes } from './documents/max-document-bytes.ts'
export { CommandSource, ContainerSource, McpServerDocument, UrlSource } from './documents/mcp-server.ts'
export { ApprovalSpec, Duration, durationMs, PolicyRule, RedactionSpec, ToolPolicy } from './documents/tool-policy.ts'
export { CountersignError, type ErrorCode, errorRow, type ErrorRow, errorTable, isErrorCode } from './errors.ts'
export { callIdFromKey, callIdTimeMs, isKeyedCallId, newCallId } from './ids.ts'
export { isJsonObject, type Json, type JsonObject, JsonObjectSchema } from './json.ts'
export { LocalInfo } from './local.ts'
export { type BusUser, busUsers, inboxPrefix, type Permissions, permissionsOf } from './permissions.ts'
export { PoliciesInForce, policiesKey, RedactionInForce } from './policies-in-force.ts'
export { AuditRecord, AuditRecordV3, isTold, recordKind, SealedRecord } from './record/audit-record.ts'
export { AuditRecordV2 } from './record/audit-record-v2.ts'
export { EncryptedPlace, Redaction } from './record/sections.ts'
export { CallProof } from './record/call-proof.ts'
export { escaped, findPlaces, parseJsonPath, type PathStep, type Place } from './record/json-path.ts'
export { auditLogOrigin, defaultLogOwner, tenantOfOrigin } from './record/log-origin.ts'
export { isOriginal, type RedactedPlace, redactedMark, redactionDigest, redactionSalt } from './record/redaction.ts'
export {
  decryptValue,
  encryptValue,
  erasedMark,
  isDigest,
  keyIdOf,
  type SubjectKey,
  subjectKey,
  unwrapDigest,
  wrapDigest,
} from './record/encryption.ts'
export {
  type FindKey,
  hiddenMark,
  openEvent,
  type OpenedEvent,
  type Opening,
  unreadableMark,
} from './record/open-event.ts'
export { LifecycleEvent } from './record/lifecycle-event.ts'
export {
  Condition,
  DefinitionChange,
  ObjectSchema,
  parseRegistryKey,
  registryKeys,
  ServerEntry,
  ServerLimits,
  ToolDefinition,
  ToolEntry,
  toolHints,
} from './registry.ts'
export {
  type BucketName,
  buckets,
  type BucketSpec,
  consumers,
  executorConsumer,
  serverOfExecutorConsumer,
  payloadStore,
  type StreamName,
  streams,
  type StreamSpec,
} from './streams.ts'
export {
  type CallAddress,
  CallId,
  DnsLabel,
  parseActivitySubject,
  parseCallSubject,
  parseHoldExpired,
  parseLifecycleSubject,
  parseMidcall,
  subjects,
} from './subjects.ts'
export { hasOwnName, prefixedName, prefixSeparator, statusToolName } from './tool-names.ts'
