import type { PoliciesView, DocumentProblem, PolicyView } from '@countersign/contracts'
import { exits } from '../cli-error.ts'
import { checkArguments, type Command, type Invocation } from '../command.ts'
import type { Output } from '../output/output.ts'
import { readPolicyFiles } from '../policies/read-policy-files.ts'
import { lengthOf } from '../output/times.ts'

export const policies: Command = {
  name: 'policies',
  forms: [
    { usage: 'policies', summary: 'The policies in force' },
    { usage: 'policies check <path>', summary: 'Whether the policies of a file or folder could be' },
  ],
  details: [
    '`check` judges documents as policy does, prints file:line:column: reason, and exits with 1 when there are problems.',
    'It puts nothing in force and needs no running Countersign, so that a pull request can be checked.',
  ],
  async run(invocation) {
    const { args } = invocation
    if (args[0] === 'check') return check(invocation)
    checkArguments(args, 0, 0, 'policies')
    return list(invocation)
  },
}

async function list({ out, client, nowMs }: Invocation) {
  const answer = await (await client('operator')).get<PoliciesView>('/policies')
  if (out.forPrograms) out.json(answer)
  const { revision, loadedAt, policies, problems } = answer
  if (revision === null) out.line({ text: 'no policies are in force, so every call is denied', style: 'bad' })
  else
    out.line(
      `revision ${revision.slice(0, 19)}`,
      loadedAt ? `, in force for ${lengthOf(nowMs - Date.parse(loadedAt))}` : '',
    )
  showPolicies(out, policies)
  if (problems.length > 0) {
    out.line()
    out.line({ text: 'newer documents are not in force because of:', style: 'warn' })
    showProblems(out, problems)
  }
  return problems.length > 0 || revision === null ? exits.negative : exits.ok
}

async function check({ args, out, where }: Invocation) {
  checkArguments(args, 2, 2, 'policies check')
  const { checkPolicies } = await import('@countersign/policies')
  const read = await readPolicyFiles(args[1]!, where.cwd)
  const { files } = read
  const checked = checkPolicies(files)
  const { policies } = checked
  const problems = [...read.problems, ...checked.problems]
  if (out.forPrograms) out.json({ problems, policies })
  if (problems.length === 0) {
    showPolicies(out, policies)
    out.line({ text: 'no problems', style: 'good' }, ` in ${files.length === 1 ? 'one file' : `${files.length} files`}`)
    return exits.ok
  }
  showProblems(out, problems)
  return exits.negative
}

function showPolicies(out: Output, policies: readonly PolicyView[]): void {
  if (policies.length === 0) return
  out.table(
    [
      { head: 'POLICY' },
      { head: 'RULE' },
      { head: 'EFFECT' },
      { head: 'SERVERS', shrinks: true },
      { head: 'WHEN', shrinks: true },
    ],
    policies.flatMap(({ name, mode, servers, rules }) =>
      rules.map(
        (rule, place) =>
          [
            place === 0 ? { text: mode === 'shadow' ? `${name} (shadow)` : name, style: 'strong' } : '',
            rule.name,
            { text: rule.effect, style: ({ allow: 'good', deny: 'bad', hold: 'warn' } as const)[rule.effect] },
            place === 0 ? servers.join(', ') : '',
            rule.when.replaceAll(/\s+/g, ' ').trim(),
          ] as const,
      ),
    ),
  )
}

function showProblems(out: Output, problems: readonly DocumentProblem[]): void {
  for (const { file, line, column, message } of problems) out.line(`${file}:${line}:${column}: ${message}`)
}
