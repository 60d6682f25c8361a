/** What the caller learns of an error, the same words in events, JSON-RPC, HTTP and `docs/errors.md`. */
export interface ErrorRow {
  meaning: string
  /** Asking again, unchanged, can succeed and cannot run the tool twice. */
  retryable: boolean
  /** JSON-RPC code; undefined where the error travels as a tool result with `isError`, so that the model can react. */
  jsonRpcCode?: number
  httpStatus: number
}

/** The error table. Codes are public: they never change their meaning. */
export const errorTable = {
  // The request itself
  parse_error: row('The body is not JSON.', false, 400, -32700),
  invalid_request: row('The body is JSON but not a valid request.', false, 400, -32600),
  method_not_found: row('This method is not served here.', false, 404, -32601),
  method_not_allowed: row(
    'The address is served, but not with this HTTP method; `Allow` has those it is.',
    false,
    405,
    -32601,
  ),
  invalid_params: row('The parameters do not fit the method.', false, 400, -32602),
  header_mismatch: row('An MCP header contradicts the body.', false, 400, -32020),
  unsupported_version: row('The MCP revision is not supported.', false, 400, -32022),
  body_too_large: row('The request body is over the limit.', false, 413, -32600),
  not_acceptable: row(
    'The client must accept application/json; text/event-stream too, for news during a call.',
    false,
    406,
    -32600,
  ),
  unsupported_media_type: row('The body must be application/json.', false, 415, -32600),
  unauthenticated: row('No bearer token, or one that is wrong or expired.', false, 401, -32001),
  forbidden: row('The token is good, but its owner may not do this.', false, 403, -32003),
  forbidden_host: row('The Host or Origin header is not one this endpoint serves.', false, 403, -32003),
  session_not_found: row('The session is unknown or ended; initialize again.', true, 404, -32001),
  not_found: row('There is no such thing.', false, 404, -32602),
  unknown_tool: row('There is no such tool for this caller.', false, 404, -32602),
  unknown_call: row('There is no such call for this caller.', false, 404, -32602),
  idempotency_conflict: row('The idempotency key was used for another call.', false, 409, -32602),
  // Decided by policy
  invalid_arguments: row("The arguments do not match the tool's schema.", false, 400),
  policy: row('A policy rule denies the call, or none allows it.', false, 403),
  no_policy: row('No valid policy is loaded, so nothing is allowed.', true, 503),
  quarantined: row("The tool's definition changed since it was pinned; the change must be accepted first.", false, 403),
  rejected: row('An approver said no.', false, 403),
  expired: row('Nobody approved the call in time.', true, 403),
  deadline_exceeded: row("The call's deadline passed before it could run; nothing ran.", true, 504),
  audit_behind: row('The audit log is too far behind, so new calls are refused.', true, 503),
  // On the way
  store_unavailable: row(
    'The event store does not answer; whether the call was taken is said in the message.',
    true,
    503,
  ),
  store_full: row('The event store has no space left, so new calls are refused.', true, 507),
  overloaded: row('Too many calls are waiting here.', true, 503),
  cancelled: row('The caller withdrew the call.', false, 409),
  timeout: row('The answer did not come within the wait; the call goes on, ask for its status.', false, 504),
  // Execution
  grant_invalid: row('The grant does not verify, so the call was not sent.', false, 500),
  grant_expired: row(
    'The grant expired before the call could be sent; the message says whether anything ran.',
    true,
    504,
  ),
  definition_changed: row(
    'The tool definition is not the one the grant names; the message says whether anything ran.',
    false,
    409,
  ),
  upstream_unreachable: row('The tool server cannot be reached; the message says whether anything ran.', true, 502),
  upstream_refused: row('The tool server refused the request.', false, 502),
  upstream_busy: row('The tool server takes no more calls for now; the message says whether anything ran.', true, 503),
  upstream_error: row('The tool server answered with a JSON-RPC error.', false, 502),
  upstream_timeout: row('The tool server did not answer in time; the tool is safe to repeat.', true, 504),
  upstream_died: row('The connection to the tool server broke during the call; the tool is safe to repeat.', true, 502),
  upstream_garbage: row('The tool server answered something that is not MCP.', false, 502),
  result_too_large: row('The tool ran, but its result is over the limit and was dropped.', false, 502),
  result_invalid: row('The tool ran, but what it answered is no result that MCP has and was dropped.', false, 502),
  outcome_unknown: row(
    'It is not known whether the tool ran; a person must find out before it is asked again.',
    false,
    502,
  ),
  // Approval and operation
  unknown_approval: row('There is no such approval.', false, 404),
  digest_mismatch: row('The vote is over another digest than the one that is held.', false, 409),
  already_voted: row('This person has voted on this call already.', false, 409),
  approval_ended: row('The call is not waiting for approval any more.', false, 409),
  not_an_approver: row('This person is in none of the groups that may vote on this call.', false, 403),
  requester_may_not_vote: row('Who asked for the call may not vote on it.', false, 403),
  not_unknown: row('Only a call whose outcome is unknown can be resolved.', false, 409),
  query_too_slow: row('The query took too long and was stopped; narrow its time or add a filter.', false, 422),
  legal_hold: row('A legal hold keeps the content; nothing was erased.', false, 409),
  erasure_off: row('Nothing personal is encrypted here, so nothing can be erased.', false, 409),
  service_unavailable: row('A part of Countersign does not answer.', true, 503),
  internal: row('A defect in Countersign; the log has the details.', false, 500, -32603),
} as const satisfies Record<string, ErrorRow>

function row(meaning: string, retryable: boolean, httpStatus: number, jsonRpcCode?: number): ErrorRow {
  return { meaning, retryable, httpStatus, ...(jsonRpcCode === undefined ? {} : { jsonRpcCode }) }
}

export type ErrorCode = keyof typeof errorTable

/** True for a code of the table. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code)
}

/** The row of a code; unknown codes (from a newer peer) read as `internal`. */
export function errorRow(code: string): ErrorRow {
  return isErrorCode(code) ? errorTable[code] : errorTable.internal
}

/**
 * An error with a code of the table. The message says what was refused, why, by which rule, and what to do next; it is
 * shown to the caller, so it holds no stack, secret or name of another tenant.
 */
export class CountersignError extends Error {
  override name = 'CountersignError'
  readonly code: ErrorCode
  readonly details: Record<string, unknown> | undefined

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & { details?: Record<string, unknown> }) {
    super(message, options)
    this.code = code
    this.details = options?.details
  }
}
