import type { PoliciesInForce, RedactionInForce } from '@countersign/contracts'
import type { DocumentFile } from '@countersign/documents'
import { documentDigests, type PolicySet } from '@countersign/policies'
import { policiesActivity, withActivity } from './policies-activity.ts'

/** A redaction that no policy says any more holds for so long for calls that began before; and at most so many do. */
const retiredMs = 30 * 24 * 3600 * 1000
const maxRetired = 2000

/** Puts a good set in force: what is kept then, with the activity that tells of it when it is another set than before. */
export function acceptPolicies(
  before: PoliciesInForce,
  { set, files }: { set: PolicySet; files: readonly DocumentFile[] },
  { now, tenant }: { now: Date; tenant: string },
): PoliciesInForce {
  const none = set.policies.length === 0
  const revision = none ? null : set.revision
  const same = revision === before.revision
  const loadedAt = none ? null : now.toISOString()
  const { refused: _refused, ...rest } = before
  const next = {
    ...rest,
    revision,
    loadedAt: same ? before.loadedAt : loadedAt,
    files: none ? [] : [...files],
    redactions: redactionsAfter(before.redactions, set, now),
  }
  if (same) return next
  const { added, changed, removed } = differences(documentDigests(before.files), documentDigests(next.files))
  const change = { revision: { before: before.revision, after: revision }, added, changed, removed }
  return withActivity(next, policiesActivity('policies_changed', change, { now, tenant }))
}

function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>) {
  return {
    added: [...after.keys()].filter((name) => !before.has(name)),
    changed: [...after].flatMap(([name, digest]) => (before.has(name) && before.get(name) !== digest ? [name] : [])),
    removed: [...before.keys()].filter((name) => !after.has(name)),
  }
}

/** What the policies of a set redact, and what no policy redacts any more but did when calls began that may still go on. */
function redactionsAfter(before: readonly RedactionInForce[], { policies }: PolicySet, now: Date): RedactionInForce[] {
  const inForce = policies.flatMap(({ servers, tenants, redactions }) =>
    redactions.map(({ tools, in: part, path }) => ({
      ...{ servers: [...servers], tenants: [...tenants], tools: [...tools], in: part, path },
    })),
  )
  const said = new Set(inForce.map(keyOf))
  const retired = before
    .filter((redaction) => !said.has(keyOf(redaction)))
    .map((redaction) => ({ ...redaction, until: redaction.until ?? now.toISOString() }))
    .filter(({ until }) => Date.parse(until) > now.getTime() - retiredMs)
    .toSorted((a, b) => Date.parse(a.until) - Date.parse(b.until))
  return [...inForce, ...retired.slice(-maxRetired)]
}

function keyOf({ servers, tenants, tools, in: part, path }: RedactionInForce): string {
  return JSON.stringify([servers, tenants, tools, part, path])
}
