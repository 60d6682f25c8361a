import {
  type ApprovalSpec,
  digestOf,
  durationMs,
  type Json,
  matchTarget,
  parseJsonPath,
  payloadStore,
  type DocumentProblem,
  type PolicyRule,
  type ToolPolicy,
} from '@countersign/contracts'
import { type DocumentFile, type ParsedDocument, parseDocuments } from '@countersign/documents'
import { compileCondition } from './cel/condition.ts'
import type { Policy, PolicySet, Rule } from './policy.ts'
import { toolPolicyKind } from './tool-policy-kind.ts'

const dayMs = 24 * 3600 * 1000
/**
 * The longest hold, in days: one less than large arguments are kept. They are stored before the call is held (up to two hours before,
 * where they are used anew and a call may take an hour) and are fetched until its grant ends, five minutes after the last vote.
 */
const maxHoldDays = payloadStore.ttlMs / dayMs - 1

/** A whole set of files, judged: the policies that are good, and everything that is wrong. */
export interface Compiled {
  /** In force only when there are no problems: one broken document refuses the whole set. */
  set: PolicySet
  problems: DocumentProblem[]
}

/**
 * Compiles a set of policy files: YAML, schema, CEL syntax and types, and names that must differ. Problems carry file, line and
 * column and are sorted by them.
 */
export function compileBundle(files: readonly DocumentFile[]): Compiled {
  const parsed = files.map((file) => parseDocuments(file, toolPolicyKind))
  const documents = parsed.flatMap((file) => file.documents)
  const compiled = documents.map(compilePolicy)
  const problems = [
    ...parsed.flatMap((file) => file.problems),
    ...compiled.flatMap((result) => result.problems),
    ...repeatedNames(documents),
  ]
  return {
    set: {
      revision: revisionOf(documents),
      policies: compiled.flatMap(({ policy }) => (policy ? [policy] : [])).toSorted(byName),
    },
    problems: problems.toSorted(
      (a, b) =>
        compareText(a.file, b.file) || a.line - b.line || a.column - b.column || compareText(a.message, b.message),
    ),
  }
}

/** The digest over the canonical documents, whatever their files and order. */
function revisionOf(documents: readonly ParsedDocument<ToolPolicy>[]): string {
  return digestOf(
    documents
      .map(({ document }) => document)
      .toSorted((a, b) => compareText(a.metadata.name, b.metadata.name)) as unknown as Json,
  )
}

/** The digest of each document of some files, by its name; files that cannot be read have none. */
export function documentDigests(files: readonly DocumentFile[]): Map<string, string> {
  const documents = files.flatMap((file) => parseDocuments(file, toolPolicyKind).documents)
  return new Map(documents.map(({ document }) => [document.metadata.name, digestOf(document as unknown as Json)]))
}

function compilePolicy({ file, document, problem }: ParsedDocument<ToolPolicy>): {
  policy?: Policy
  problems: DocumentProblem[]
} {
  const { metadata, spec } = document
  const problems: DocumentProblem[] = []
  const seen = new Set<string>()
  const rules: Rule[] = []
  if (!spec.rules?.length && !spec.redact?.length) {
    const message = `policy "${metadata.name}" has neither \`rules\` nor \`redact\`, so it would do nothing; give it one of them, or remove it`
    problems.push(problem(['spec', 'rules'], message))
  }
  for (const [index, rule] of (spec.rules ?? []).entries()) {
    const path = ['spec', 'rules', index]
    if (seen.has(rule.name)) {
      const message = `policy "${metadata.name}" has more than one rule "${rule.name}"; give each a name of its own`
      problems.push(problem([...path, 'name'], message))
    }
    seen.add(rule.name)
    const tooLong = rule.effect === 'hold' && tooLongHold(rule.approval)
    if (tooLong) problems.push(problem([...path, 'approval', 'expiresAfter'], `rule "${rule.name}": ${tooLong}`))
    const result = compileCondition(rule.when)
    if ('problem' in result) {
      problems.push(problem([...path, 'when'], `rule "${rule.name}": \`when\` ${result.problem}`))
    } else rules.push(compileRule(rule, result.condition))
  }
  for (const [index, { path }] of (spec.redact ?? []).entries()) {
    try {
      if (parseJsonPath(path).length === 0) throw new Error('the path $ names everything: name what is to be taken out')
    } catch (error) {
      problems.push(problem(['spec', 'redact', index, 'path'], `redact: ${(error as Error).message}`))
    }
  }
  if (problems.length > 0) return { problems }
  const { servers, tenants } = spec.match
  const coversServer = matchTarget(servers)
  const coversTenant = matchTarget(tenants)
  return {
    policy: {
      name: metadata.name,
      file,
      servers: servers ?? ['*'],
      tenants: tenants ?? ['*'],
      mode: spec.mode,
      covers: ({ tenant, server }) => coversTenant(tenant) && coversServer(server),
      rules,
      redactions: (spec.redact ?? []).map(({ tools, ...redaction }) => ({ ...redaction, tools: tools ?? ['*'] })),
    },
    problems,
  }
}

/** What is wrong with a hold that would outlive the arguments of its call; undefined for any other. */
function tooLongHold({ expiresAfter }: ApprovalSpec): string | undefined {
  if (durationMs(expiresAfter) <= maxHoldDays * dayMs) return undefined
  return `\`approval.expiresAfter\` must be at most ${maxHoldDays}d, not "${expiresAfter}": arguments over 256 KiB are kept for ${maxHoldDays + 1}d, and must still be there when the last vote lets them run; write ${maxHoldDays}d or less, the call can be asked for again`
}

function compileRule(rule: PolicyRule, condition: Rule['condition']): Rule {
  const common = { name: rule.name, when: rule.when, reason: rule.reason, condition }
  return rule.effect === 'hold'
    ? { ...common, effect: rule.effect, approval: rule.approval }
    : { ...common, effect: rule.effect }
}

function repeatedNames(documents: readonly ParsedDocument<ToolPolicy>[]): DocumentProblem[] {
  const first = new Map<string, DocumentProblem>()
  return documents.flatMap(({ document, problem }) => {
    const { name } = document.metadata
    const place = problem(['metadata', 'name'], '')
    const earlier = first.get(name)
    if (!earlier) {
      first.set(name, place)
      return []
    }
    return [{ ...place, message: `there is a policy "${name}" already, in ${earlier.file} line ${earlier.line}` }]
  })
}

function byName(a: Policy, b: Policy): number {
  return compareText(a.name, b.name)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
