import { PolicyRule, ToolPolicy } from '@countersign/contracts'
import { type DocumentKind, type Path, shown, valueAt } from '@countersign/documents'

/** Of the policy language, but not enforced yet: refused rather than ignored. */
const notEnforced = new Set(['limits', 'preview'])
const approvalExample = 'approval: { groups: [approvers], quorum: 1, expiresAfter: 15m }'

/** Documents of kind `ToolPolicy`. */
export const toolPolicyKind: DocumentKind<ToolPolicy> = {
  schema: ToolPolicy,
  choices: { effect: PolicyRule.options.map(({ shape }) => shape.effect.value) },
  subjectOf,
  missing: (path) =>
    path.at(-1) === 'approval'
      ? `\`approval\` is missing: a held call waits for people, so the rule must say whose approval it needs, for example  ${approvalExample}`
      : undefined,
  unknownKey: (key) =>
    notEnforced.has(key)
      ? `\`${key}\` is not enforced yet, so it is refused rather than ignored; remove it`
      : undefined,
  misplacedKey(content, path) {
    const effect = shown(valueAt(content, [...path.slice(0, -1), 'effect']))
    return `\`${path.at(-1)}\` goes with \`effect: hold\`, but the effect here is ${effect}; change one of them`
  },
}

/** The rule by its name, and what is left of the path below it. */
function subjectOf(content: unknown, path: Path): { subject: string; rest: Path } {
  const [first, second, index, ...rest] = path
  if (first !== 'spec' || second !== 'rules' || typeof index !== 'number') return { subject: '', rest: path }
  const name = valueAt(content, ['spec', 'rules', index, 'name'])
  const rule = typeof name === 'string' && name !== '' ? `rule "${name}"` : `rule ${index + 1}, which has no name`
  return { subject: `${rule}: `, rest }
}
