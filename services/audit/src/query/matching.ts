import type { AuditFilter } from '@countersign/contracts'
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import type { Database, MarkKind, SubjectColumns, Tables } from '../index/schema.ts'
import type { Deadline } from './ask.ts'
import { textQuery } from './text-query.ts'

/** The tables, with records or calls as `it`. */
export type OfSubject = Tables & { it: SubjectColumns }
type Builder = ExpressionBuilder<OfSubject, 'it'>

/** True for a filter that names nothing but a time. */
export function countsAll({
  callId,
  principal,
  agent,
  server,
  tool,
  outcome,
  rule,
  approver,
  text,
}: AuditFilter): boolean {
  return [callId, principal, agent, server, tool, outcome, rule, approver, text].every((each) => each === undefined)
}

/** A filter with the full names of the rules that it means. */
export interface NamedFilter extends Omit<AuditFilter, 'rule'> {
  rules?: readonly string[] | undefined
}

/**
 * Finds the full names of the rules that a filter means: `<policy>/<rule>`, or all rules with that name of their own.
 */
export async function withRuleNames<F extends AuditFilter>(
  database: Database,
  log: number,
  filter: F,
  deadline: Deadline,
): Promise<F & NamedFilter> {
  const { rule } = filter
  if (rule === undefined) return filter
  const known = await database
    .selectFrom('calls_by_day')
    .select('value')
    .distinct()
    .where('log', '=', log)
    .where('by', '=', 'rule')
    .where(({ or, eb }) =>
      or([eb('value', '=', rule), eb(sql<string>`substr(value, strpos(value, '/') + 1)`, '=', rule)]),
    )
    .execute(deadline)
  return { ...filter, rules: known.map(({ value }) => value) }
}

/**
 * Conditions that are the same for records and for calls: whose, where, which, and what is known of the call as a whole.
 *
 * @param few all calls that can match, where these are few
 * @throws CountersignError `invalid_params` for a text without words to look for
 */
export function matching(
  log: number,
  filter: NamedFilter,
  few?: readonly string[],
): (it: Builder) => Expression<SqlBool> {
  const { callId, principal, server, tool, text } = filter
  const equal = { call_id: callId, principal, server, tool }
  const words = text === undefined ? undefined : textQuery(text)
  return (it) =>
    it.and([
      it('it.log', '=', log),
      ...(few === undefined ? [] : [sql<SqlBool>`it.call_id = any(${few}::uuid[])`]),
      ...Object.entries(equal).flatMap(([column, value]) =>
        value === undefined ? [] : [it(`it.${column as keyof typeof equal}`, '=', value)],
      ),
      ...marksOf(filter).map(([kind, values]) =>
        it.exists(
          it
            .selectFrom('marks')
            .select(sql.lit(1).as('one'))
            .where('marks.log', '=', log)
            .where('marks.kind', '=', kind)
            .where(oneOf('marks.value', values))
            .whereRef('marks.call_id', '=', 'it.call_id'),
        ),
      ),
      ...(words === undefined
        ? []
        : [
            it.exists(
              it
                .selectFrom('argument_words')
                .select(sql.lit(1).as('one'))
                .where('argument_words.log', '=', log)
                .whereRef('argument_words.call_id', '=', 'it.call_id')
                .where(sql<SqlBool>`argument_words.words @@ ${words}::tsquery`),
            ),
          ]),
    ])
}

/** The marks that a filter asks for: of each kind, one of some values. */
export function marksOf({ agent, rules, approver }: NamedFilter): [kind: MarkKind, values: readonly string[]][] {
  return [
    ...(agent === undefined ? [] : [['agent', [agent]] as [MarkKind, string[]]]),
    ...(rules === undefined ? [] : [['rule', rules] as [MarkKind, string[]]]),
    ...(approver === undefined ? [] : [['approver', [approver]] as [MarkKind, string[]]]),
  ]
}

/** True for a column that is one of some values: compared with one as one, of which the database knows more. */
export function oneOf(column: string, values: readonly string[]) {
  return values.length === 1
    ? sql<SqlBool>`${sql.ref(column)} = ${values[0]}`
    : sql<SqlBool>`${sql.ref(column)} = any(${values}::text[])`
}
