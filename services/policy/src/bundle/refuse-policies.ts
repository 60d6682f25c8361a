import { digestOf, type DocumentProblem, type PoliciesInForce } from '@countersign/contracts'
import { type DocumentFile, problemLine } from '@countersign/documents'
import { policiesActivity, withActivity } from './policies-activity.ts'

/** What an activity tells of the problems of a set; the log of policy has all of them. */
const maxProblems = 20
const maxProblemLength = 300

/** Keeps that a set was refused, with the activity that tells of it; a set that was refused already is not told again. */
export function refusePolicies(
  before: PoliciesInForce,
  { files, problems }: { files: readonly DocumentFile[]; problems: readonly DocumentProblem[] },
  { now, tenant }: { now: Date; tenant: string },
): PoliciesInForce {
  const lines = problems.map(problemLine)
  const refused = digestOf({ files: files.map(({ file, text }) => ({ file, text })), lines })
  if (before.refused === refused) return before
  const told = {
    inForce: before.revision,
    problems: lines.slice(0, maxProblems).map((line) => line.slice(0, maxProblemLength)),
    problemCount: lines.length,
  }
  return withActivity({ ...before, refused }, policiesActivity('policies_refused', told, { now, tenant }))
}
