import type { PolicyProblem, PolicyView } from '@countersign/contracts'
import { compileBundle } from './compile-bundle.ts'
import type { PolicyFile } from './parse-documents.ts'
import { policyView } from './policy-view.ts'

/** Judges policy files as policy does when it takes them up, and puts nothing in force. */
export function checkPolicies(files: readonly PolicyFile[]): { problems: PolicyProblem[]; policies: PolicyView[] } {
  const { set, problems } = compileBundle(files)
  return { problems, policies: set.policies.map(policyView) }
}
