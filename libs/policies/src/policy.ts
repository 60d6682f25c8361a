import type { ApprovalSpec, RedactionSpec } from '@countersign/contracts'
import type { Condition } from './cel/condition.ts'

/** One rule, its condition compiled. */
export type Rule = { name: string; when: string; reason: string | undefined; condition: Condition } & (
  { effect: 'allow' | 'deny' } | { effect: 'hold'; approval: ApprovalSpec }
)

/** One `ToolPolicy` document, compiled. */
export interface Policy {
  name: string
  /** The file it came from, relative to the folder. */
  file: string
  /** Server and tenant patterns, for people. */
  servers: readonly string[]
  tenants: readonly string[]
  mode: 'enforce' | 'shadow'
  covers(target: { tenant: string; server: string }): boolean
  rules: readonly Rule[]
  /** What is taken out of the records of the calls it is for. */
  redactions: readonly (Omit<RedactionSpec, 'tools'> & { tools: readonly string[] })[]
}

/** The documents in force together. */
export interface PolicySet {
  /** Digest over the canonical documents, sorted by name. */
  revision: string
  policies: readonly Policy[]
}
