import { isJsonObject, type JsonObject } from '@countersign/contracts'
import { type Era, legacyEra } from '@countersign/mcp'

/**
 * Puts a result into the words of the caller's era. A modern result says that it is complete; a legacy one must not, and its
 * `structuredContent` is an object or absent: clients refuse anything else, and the call has run. What is dropped stays as text.
 */
export function inEra(result: JsonObject, era: Era): JsonObject {
  const { resultType, ...rest } = result
  if (era !== legacyEra) return { resultType: resultType ?? 'complete', ...rest }
  const { structuredContent, ...unstructured } = rest
  if (structuredContent === undefined || isJsonObject(structuredContent)) return rest
  const { content } = unstructured
  if (Array.isArray(content) && content.length > 0) return unstructured
  return { ...unstructured, content: [{ type: 'text', text: JSON.stringify(structuredContent) }] }
}
