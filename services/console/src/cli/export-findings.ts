import type { DocumentProblem, ExportView } from '@countersign/contracts'
import type { Client } from './client.ts'
import { CliError } from './cli-error.ts'
import type { Finding } from './examine.ts'
import { count } from './times.ts'

/** How the exports of the audit log stand. None of them is in the way of calls, so the worst is a look. */
export async function* exportFindings(console: Client): AsyncGenerator<Finding> {
  let answer: { exports: ExportView[]; problems: DocumentProblem[] }
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
  for (const { name, state, lagRecords, dead, problem } of answer.exports) {
    const behind = `${count(lagRecords, 'record')} wait`
    if (state === 'blocked') yield warn(`${name}: ${problem}`, `see: countersign audit exports`)
    else if (problem !== undefined)
      yield warn(`${name}: ${problem}; ${behind}, and nothing is lost`, 'look at the target')
    if (state !== 'blocked' && dead > 0) {
      yield warn(
        `${name}: its target refused ${count(dead, 'dead letter')} for good`,
        `see: countersign audit exports; then retry or discard them`,
      )
    }
    if (problem === undefined && dead === 0)
      yield { name: 'exports', verdict: 'good', message: `${name} works; ${behind}` }
  }
}
