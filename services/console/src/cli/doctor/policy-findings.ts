import type { PoliciesView } from '@countersign/contracts'
import type { Client } from '../connect/client.ts'
import { bad, failure, type Finding, good } from './finding.ts'

/** Whether policies are in force, and newer ones that are not. */
export async function* policyFindings(console: Client): AsyncGenerator<Finding> {
  const { places } = console.target
  let view: PoliciesView
  try {
    view = await console.get<PoliciesView>('/policies')
  } catch (error) {
    yield failure('policies', error, `look at ${places.logOf('policy')}`)
    return
  }
  if (view.revision === null)
    yield bad(
      'policies',
      'none are in force, so every call is denied',
      `put a valid ToolPolicy into ${places.policies}; judge it with: countersign policies check <path>`,
    )
  else yield good('policies', `${view.policies.length} in force`)
  for (const { file, line, column, message } of view.problems) {
    yield bad(
      'policies',
      `the newer documents are not in force, so ${view.revision === null ? 'every call is denied' : 'the last good set still decides'}: ${file}:${line}:${column}: ${message}`,
      'correct it: it is taken up within two seconds',
    )
  }
}
