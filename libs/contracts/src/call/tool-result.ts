import { z } from 'zod'
import { type JsonObject, JsonObjectSchema } from '../json.ts'

const text = z.string()
const resource = z.union([z.looseObject({ uri: text, text }), z.looseObject({ uri: text, blob: text })])

/** What MCP, in both revisions, wants of the result of a tool; what it has besides is not looked at. */
const ToolResult = z.looseObject({
  content: z.array(
    z.discriminatedUnion('type', [
      z.looseObject({ type: z.literal('text'), text }),
      z.looseObject({ type: z.literal('image'), data: text, mimeType: text }),
      z.looseObject({ type: z.literal('audio'), data: text, mimeType: text }),
      z.looseObject({ type: z.literal('resource_link'), uri: text, name: text }),
      z.looseObject({ type: z.literal('resource'), resource }),
    ]),
  ),
  isError: z.boolean().optional(),
  _meta: JsonObjectSchema.optional(),
})

/** Why something is not the result of a tool, so that clients could not read it; undefined when it is. */
export function toolResultProblem(result: JsonObject): string | undefined {
  const parsed = ToolResult.safeParse(result)
  if (parsed.success) return undefined
  const { path, message } = parsed.error.issues[0]!
  return path.length > 0 ? `${path.join('.')}: ${message}` : message
}
