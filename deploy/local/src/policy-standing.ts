import type { DocumentProblem, LocalInfo, PoliciesView } from '@countersign/contracts'

/** How the policies stand when everything is up. */
export interface PolicyStanding {
  inForce: number
  /** Why newer documents are not in force, one line each. */
  problems: string[]
}

/**
 * Asks which policies are in force.
 *
 * @param token of whoever may list policies
 * @returns undefined when nobody answers
 */
export async function policyStanding(
  { console }: Pick<LocalInfo, 'console'>,
  token: string,
): Promise<PolicyStanding | undefined> {
  const response = await fetch(`${console}/api/v1/policies`, {
    headers: { authorization: `Bearer ${token}` },
  }).catch(() => undefined)
  if (!response?.ok) return undefined
  const { revision, policies, problems } = (await response.json()) as PoliciesView
  return { inForce: revision === null ? 0 : policies.length, problems: problems.map(inWords) }
}

function inWords({ file, line, column, message }: DocumentProblem): string {
  return `${file}:${line}:${column}: ${message}`
}
