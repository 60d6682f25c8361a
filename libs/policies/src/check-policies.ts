import type { DocumentProblem, PolicyView } from '@countersign/contracts'
import type { DocumentFile } from '@countersign/documents'
import { compileBundle } from './compile-bundle.ts'
import { policyView } from './policy-view.ts'

/** Judges policy files as policy does when it takes them up, and puts nothing in force. */
export function checkPolicies(files: readonly DocumentFile[]): { problems: DocumentProblem[]; policies: PolicyView[] } {
  const { set, problems } = compileBundle(files)
  return { problems, policies: set.policies.map(policyView) }
}
