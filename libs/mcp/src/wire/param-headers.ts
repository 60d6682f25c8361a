/**
 * Arguments that travel a second time, in headers: a property of a tool's input schema with `x-mcp-header: <name>` is mirrored in
 * `Mcp-Param-<name>`, so that what stands between can route by it (2026-07-28, Custom Headers from Tool Parameters).
 */
import { isJsonObject, type Json, type JsonObject } from '@countersign/contracts'
import { decodeHeaderValue, encodeHeaderValue } from './header-value.ts'

/** One argument that is mirrored. */
export interface ParamHeader {
  /** The whole name of the header. */
  header: string
  /** The members that lead to the argument, outermost first. */
  path: readonly string[]
  type: 'string' | 'integer' | 'boolean'
}

const annotation = 'x-mcp-header'
const prefix = 'Mcp-Param-'
/** RFC 9110, section 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Keywords of JSON Schema 2020-12, and their elders, whose value is a schema or a list of them. */
const subschemas = new Set(
  (
    'items prefixItems additionalItems contains additionalProperties unevaluatedItems unevaluatedProperties propertyNames ' +
    'allOf anyOf oneOf not if then else contentSchema'
  ).split(' '),
)
/** Keywords whose value has schemas as its members; those of `properties` are looked for apart. */
const schemaMaps = new Set(['patternProperties', 'dependentSchemas', 'dependencies', '$defs', 'definitions'])

type Read = { params: readonly ParamHeader[] } | { fault: string }
const known = new WeakMap<JsonObject, Read>()

/**
 * The arguments that a tool wants mirrored, or what is wrong with how it says so: then no client may use the tool.
 *
 * @param inputSchema of the tool, as its server sent it; read once an object
 */
export function readParamHeaders(inputSchema: JsonObject): Read {
  let read = known.get(inputSchema)
  if (!read) {
    const params: ParamHeader[] = []
    const fault = gather(inputSchema, [], true, params)
    read = fault === undefined ? { params } : { fault }
    known.set(inputSchema, read)
  }
  return read
}

/** The headers of a call. What is null or absent has none, nor what is of no type that a header could carry. */
export function paramHeadersOf(params: readonly ParamHeader[], args: JsonObject): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const { header, path } of params) {
    const value = textOf(valueAt(args, path))
    if (value !== undefined) headers[header] = encodeHeaderValue(value)
  }
  return headers
}

/**
 * Why the headers of a call contradict its arguments; undefined when they do not. A header for an argument that is not there is
 * a contradiction too: whoever routed by it believed it.
 *
 * @param headerOf the value of a header by its name
 */
export function checkParamHeaders(
  params: readonly ParamHeader[],
  args: JsonObject,
  headerOf: (name: string) => string | undefined,
): string | undefined {
  for (const { header, path, type } of params) {
    const sent = headerOf(header)
    const value = valueAt(args, path)
    const text = textOf(value)
    const argument = `the argument ${path.join('.')}`
    if (sent === undefined) {
      if (text !== undefined) return `the header ${header} is missing; it must equal ${argument}`
      continue
    }
    const decoded = decodeHeaderValue(sent)
    if (decoded === undefined) return `the header ${header} says that it is base64 of UTF-8 and is not`
    if (text === undefined) return `the header ${header} is there and ${argument} is not; send both or neither`
    const same = decoded === text || (type === 'integer' && sameNumber(decoded, value))
    if (!same) return `the header ${header} does not equal ${argument}`
  }
  return undefined
}

/** Gathers the annotations of a schema and of all within it; returns the first fault. */
function gather(
  schema: Json | undefined,
  path: string[],
  reachable: boolean,
  found: ParamHeader[],
): string | undefined {
  if (!isJsonObject(schema)) return undefined
  if (schema[annotation] !== undefined) {
    const fault = take(schema, path, reachable, found)
    if (fault !== undefined) return fault
  }
  for (const [keyword, value] of Object.entries(schema)) {
    const named = (keyword === 'properties' || schemaMaps.has(keyword)) && isJsonObject(value)
    const children: [string, Json][] = named
      ? Object.entries(value)
      : subschemas.has(keyword)
        ? (Array.isArray(value) ? value : [value]).map((child) => [keyword, child])
        : []
    for (const [name, child] of children) {
      const fault = gather(child, [...path, name], reachable && keyword === 'properties', found)
      if (fault !== undefined) return fault
    }
  }
  return undefined
}

function take(schema: JsonObject, path: string[], reachable: boolean, found: ParamHeader[]): string | undefined {
  const { [annotation]: name, type } = schema
  const place = `${annotation} at ${path.length === 0 ? 'the root' : path.join('.')}`
  if (!reachable || path.length === 0)
    return `${place}: only a property can have one, of the root or of properties within`
  if (typeof name !== 'string' || !token.test(name)) return `${place}: it must be a name that HTTP headers can have`
  if (type !== 'string' && type !== 'integer' && type !== 'boolean')
    return `${place}: only a string, an integer or a boolean can be a header`
  const header = prefix + name
  if (found.some((other) => other.header.toLowerCase() === header.toLowerCase()))
    return `${place}: another property has the same name`
  found.push({ header, path, type })
  return undefined
}

function valueAt(args: JsonObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = args
  for (const name of path) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number'
    ? String(value)
    : undefined
}

/** `42.0` and `42` are one number. */
function sameNumber(text: string, value: Json | undefined): boolean {
  return /^-?\d+(\.\d+)?$/.test(text) && Number(text) === value
}
