import { type AliasedExpression, type SqlBool, sql } from 'kysely'
import type { Database, MarkKind } from '../index/schema.ts'
import type { Deadline } from './ask.ts'
import { marksOf, type NamedFilter, oneOf } from './matching.ts'
import { textQuery } from './text-query.ts'

/** So many calls are looked up one by one sooner than the log is walked for them. */
const maxFew = 2000

/**
 * The calls that one of the filters leaves, where these are few; undefined where they are many, or no filter is about calls as a whole.
 * The database cannot tell beforehand: of a word that is not among the most frequent it knows only that.
 */
export async function fewCalls(
  database: Database,
  log: number,
  filter: NamedFilter,
  deadline: Deadline,
): Promise<string[] | undefined> {
  const { text } = filter
  const ofText = (text: string) =>
    database
      .selectFrom('argument_words')
      .select('call_id')
      .where('log', '=', log)
      .where(sql<SqlBool>`words @@ ${textQuery(text)}::tsquery`)
      .limit(maxFew + 1)
      .as('found')
  const ofMark = (kind: MarkKind, values: readonly string[]) =>
    database
      .selectFrom('marks')
      .select('call_id')
      .where('log', '=', log)
      .where('kind', '=', kind)
      .where(oneOf('value', values))
      .limit(maxFew + 1)
      .as('found')
  const finders: AliasedExpression<{ call_id: string }, 'found'>[] = [
    ...(text === undefined ? [] : [ofText(text)]),
    ...marksOf(filter).map(([kind, values]) => ofMark(kind, values)),
  ]
  for (const found of finders) {
    // One row: reading thousands takes longer than finding them, and of many none is wanted.
    const { ids } = await database.selectFrom(found).select(idsWhereFew).executeTakeFirstOrThrow(deadline)
    if (ids !== null) return ids === '' ? [] : ids.split(' ')
  }
  return undefined
}

/** The ids with spaces between them, or null where they are many. */
const idsWhereFew = sql<
  string | null
>`case when count(*) <= ${sql.lit(maxFew)} then coalesce(string_agg(call_id::text, ' '), '') end`.as('ids')
