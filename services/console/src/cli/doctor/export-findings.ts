import type { ExportsView } from '@countersign/contracts'
import type { Client } from '../connect/client.ts'
import { CliError } from '../cli-error.ts'
import { describeExportTrouble } from '../audit/describe-export-trouble.ts'
import type { Finding } from './finding.ts'
import { count } from '../output/times.ts'

/** How the exports of the audit log stand. None of them is in the way of calls, so the worst is a look. */
export async function* exportFindings(console: Client, nowMs: number): AsyncGenerator<Finding> {
  let answer: ExportsView
  try {
    answer = await console.get('/audit/exports')
  } catch (error) {
    // That audit does not answer was said already.
    if (error instanceof CliError) return
    throw error
  }
  const warn = (message: string, remedy: string): Finding => ({ name: 'exports', verdict: 'warn', message, remedy })
  for (const { file, line, column, message } of answer.problems) {
    yield warn(
      `${file}:${line}:${column}: ${message}`,
      'correct it: it is taken up within seconds; until then what it said before holds',
    )
  }
  for (const trouble of answer.troubles) yield warn(describeExportTrouble(trouble, nowMs), trouble.remedy)
  for (const { name, state, lagRecords, dead, problem } of answer.exports) {
    const behind = `${count(lagRecords, 'record')} waiting`
    if (state !== 'blocked' && dead > 0) {
      yield warn(
        `${name}: its target refused ${count(dead, 'dead letter')} for good`,
        `see why: countersign audit exports; then countersign audit exports retry ${name}, or discard ${name}`,
      )
    }
    if (problem === undefined && dead === 0)
      yield { name: 'exports', verdict: 'good', message: `${name} works; ${behind}` }
  }
}
