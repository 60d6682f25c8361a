import { exits } from '../cli-error.ts'
import { checkArguments, type Command } from '../command.ts'
import { examine } from '../doctor/examine.ts'
import type { Finding } from '../doctor/finding.ts'
import type { Styled } from '../output/table.ts'
import { count } from '../output/times.ts'

const marks: Record<Finding['verdict'], Styled> = {
  good: { text: 'ok  ', style: 'good' },
  warn: { text: 'look', style: 'warn' },
  bad: { text: 'FAIL', style: 'bad' },
}

export const doctor: Command = {
  name: 'doctor',
  forms: [{ usage: 'doctor', summary: 'Find out what is wrong, and what to do about it' }],
  details: ['Exit code 1 when a check fails; what only needs a look does not count.'],
  async run(invocation) {
    const { args, out } = invocation
    checkArguments(args, 0, 0, 'doctor')
    const findings: Finding[] = []
    for await (const finding of examine(invocation)) {
      findings.push(finding)
      const { verdict, name, message, remedy } = finding
      out.line(marks[verdict], '  ', name.padEnd(15), ' ', message)
      if (remedy) out.line(' '.repeat(22), { text: `→ ${remedy}`, style: 'faint' })
    }
    const failed = findings.filter(({ verdict }) => verdict === 'bad').length
    if (out.forPrograms) out.json({ ok: failed === 0, checks: findings })
    out.line()
    const looks = findings.filter(({ verdict }) => verdict === 'warn').length
    if (failed === 0 && looks === 0) out.line({ text: 'Countersign is well', style: 'good' })
    else if (failed === 0) {
      out.line({ text: `Countersign works; ${count(looks, 'thing')} to look at`, style: 'warn' })
    } else out.line({ text: `${failed} of ${count(findings.length, 'check')} failed`, style: 'bad' })
    return failed === 0 ? exits.ok : exits.negative
  },
}
