import type { ApprovalTerms, Decision, ErrorCode } from '@countersign/contracts'

/** What a grant is bound to besides the call itself. */
export interface Binding {
  definitionDigest: string
  /** From the pinned definition, never from the caller (I6). */
  idempotent: boolean
}

/** Refused: the code of the error table, and what the caller is told. */
export interface Denial {
  effect: 'deny'
  code: ErrorCode
  message: string
  /** What a person who rejected it said. */
  comment?: string | undefined
  /** Absent where there was no policy to decide by. */
  decision?: Decision
}

/** How a call was judged. */
export type Verdict =
  | Denial
  | { effect: 'allow'; decision: Decision; binding: Binding }
  | { effect: 'hold'; decision: Decision; binding: Binding; terms: ApprovalTerms; reason: string }
