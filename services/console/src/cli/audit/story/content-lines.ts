import { isJsonObject, type Json } from '@countersign/contracts'
import { fit } from '../../output/printable.ts'
import { isMark } from './content-of-call.ts'

/** More is for `--json`: a story has to fit on a screen. */
const maxLines = 12
const maxWidth = 400

/** Content of a call as a few lines for people, the last one saying what is left out. */
export function contentLines(content: Json): string[] {
  const lines = linesOf(content)
  const shown = lines.slice(0, maxLines).map((line) => fit(line, maxWidth))
  const cut = shown.some((line, place) => line !== lines[place])
  if (lines.length === shown.length && !cut) return shown
  const more = lines.length - shown.length
  return [...shown, more > 0 ? `… and ${more} more lines: --json has all` : '… cut: --json has all']
}

function linesOf(content: Json): string[] {
  if (typeof content === 'string' && isMark(content)) return [content]
  if (!isJsonObject(content)) return JSON.stringify(content, undefined, 2).split('\n')
  const { stored, content: items } = content
  if (isJsonObject(stored)) return [`${String(stored['size'])} bytes, kept beside the log: ${String(stored['digest'])}`]
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
