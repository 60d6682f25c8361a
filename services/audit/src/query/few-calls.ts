import { type SqlBool, sql } from 'kysely'
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
      .execute(deadline)
  const ofMark = (kind: MarkKind, values: readonly string[]) =>
    database
      .selectFrom('marks')
      .select('call_id')
      .where('log', '=', log)
      .where('kind', '=', kind)
      .where(oneOf('value', values))
      .limit(maxFew + 1)
      .execute(deadline)
  const finders = [
    ...(text === undefined ? [] : [() => ofText(text)]),
    ...marksOf(filter).map(
      ([kind, values]) =>
        () =>
          ofMark(kind, values),
    ),
  ]
  for (const find of finders) {
    const rows = await find()
    if (rows.length <= maxFew) return rows.map((row) => row.call_id)
  }
  return undefined
}
