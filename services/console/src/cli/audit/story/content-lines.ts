import { isJsonObject, type Json } from '@countersign/contracts'
import { fit } from '../../output/printable.ts'
import { type Content, isMark } from './content-of-call.ts'

/** More is for `--json`: a story has to fit on a screen. */
const maxLines = 12
const maxWidth = 400

/** Content of a call as a few lines for people, the last one saying what is left out. */
export function contentLines(content: Content): string[] {
  if ('stored' in content)
    return [`${content.stored.size} bytes, of which the log has the digest alone: ${content.stored.digest}`]
  if ('beside' in content) {
    const { size, digest } = content.beside
    return [`too large to be shown: its event has ${size} bytes and lies in the folder content of the log: ${digest}`]
  }
  const lines = linesOf(content.inline)
  // A line of megabytes is not measured to its end.
  const shown = lines.slice(0, maxLines).map((line) => fit(line.slice(0, 2 * maxWidth), maxWidth))
  const cut = shown.some((line, place) => line !== lines[place])
  if (lines.length === shown.length && !cut) return shown
  const more = lines.length - shown.length
  return [...shown, more > 0 ? `… and ${more} more lines: --json has all` : '… cut: --json has all']
}

function linesOf(content: Json): string[] {
  if (typeof content === 'string' && isMark(content)) return [content]
  const items = isJsonObject(content) ? content['content'] : undefined
  // The result of a tool says in text what it may say once more in `structuredContent`.
  if (Array.isArray(items) && items.length > 0) return items.flatMap(itemLines)
  return JSON.stringify(content, undefined, 2).split('\n')
}

function itemLines(item: Json): string[] {
  if (isJsonObject(item) && item['type'] === 'text' && typeof item['text'] === 'string') {
    return item['text'].replace(/\n$/, '').split('\n')
  }
  return [JSON.stringify(item)]
}
