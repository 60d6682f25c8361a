import type { AuditFilter } from '@countersign/contracts'
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import type { MarkKind, SubjectColumns, Tables } from '../index/schema.ts'
import { textQuery } from './text-query.ts'

/** The tables, with records or calls as `it`. */
export type OfSubject = Tables & { it: SubjectColumns }
type Builder = ExpressionBuilder<OfSubject, 'it'>

/**
 * Conditions that are the same for records and for calls: whose, where, which, and what is known of the call as a whole.
 *
 * @param few all calls that can match, where these are few
 * @throws CountersignError `invalid_params` for a text without words to look for
 */
export function matching(
  log: number,
  filter: AuditFilter,
  few?: readonly string[],
): (it: Builder) => Expression<SqlBool> {
  const { callId, principal, server, tool, agent, rule, approver, text } = filter
  const equal = { call_id: callId, principal, server, tool }
  const marked: [MarkKind, string | undefined][] = [
    ['agent', agent],
    ['rule', rule],
    ['approver', approver],
  ]
  const words = text === undefined ? undefined : textQuery(text)
  return (it) =>
    it.and([
      it('it.log', '=', log),
      ...(few === undefined ? [] : [sql<SqlBool>`it.call_id = any(${few}::uuid[])`]),
      ...Object.entries(equal).flatMap(([column, value]) =>
        value === undefined ? [] : [it(`it.${column as keyof typeof equal}`, '=', value)],
      ),
      ...marked.flatMap(([kind, value]) =>
        value === undefined
          ? []
          : [
              it.exists(
                it
                  .selectFrom('marks')
                  .select(sql.lit(1).as('one'))
                  .where('marks.log', '=', log)
                  .where('marks.kind', '=', kind)
                  .where('marks.value', '=', value)
                  .whereRef('marks.call_id', '=', 'it.call_id'),
              ),
            ],
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
