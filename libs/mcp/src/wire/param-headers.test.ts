import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHeaderValue, encodeHeaderValue } from './header-value.ts'
import { checkParamHeaders, paramHeadersOf, readParamHeaders } from './param-headers.ts'

const region = { type: 'string', 'x-mcp-header': 'Region' }
const schema = {
  type: 'object',
  properties: {
    region,
    query: { type: 'string' },
    options: {
      type: 'object',
      properties: {
        limit: { type: 'integer', 'x-mcp-header': 'Limit' },
        dry: { type: 'boolean', 'x-mcp-header': 'Dry' },
      },
    },
    // A property may be called like the annotation, and a value may look like one.
    'x-mcp-header': { type: 'string', default: { 'x-mcp-header': 'no' } },
  },
}
const read = readParamHeaders(schema)
const params = 'params' in read ? read.params : assert.fail(read.fault)

test('R34: annotated arguments become headers, in the encoding of the specification', () => {
  assert.deepEqual(
    params.map(({ header }) => header),
    ['Mcp-Param-Region', 'Mcp-Param-Limit', 'Mcp-Param-Dry'],
  )
  const args = { region: 'us-west1', query: 'x', options: { limit: -7, dry: false } }
  assert.deepEqual(paramHeadersOf(params, args), {
    'Mcp-Param-Region': 'us-west1',
    'Mcp-Param-Limit': '-7',
    'Mcp-Param-Dry': 'false',
  })
  assert.deepEqual(paramHeadersOf(params, { region: null, options: 'none' }), {})
  for (const [value, encoded] of [
    ['Hello, 世界', '=?base64?SGVsbG8sIOS4lueVjA==?='],
    [' padded ', '=?base64?IHBhZGRlZCA=?='],
    ['line1\nline2', '=?base64?bGluZTEKbGluZTI=?='],
    ['=?base64?literal?=', '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?='],
    ['', '=?base64??='],
    ['=?base64?SGVsbG8', '=?base64?SGVsbG8'],
  ] as const) {
    assert.equal(encodeHeaderValue(value), encoded)
    assert.equal(decodeHeaderValue(encoded), value)
    assert.deepEqual(paramHeadersOf(params, { region: value }), { 'Mcp-Param-Region': encoded })
  }
})

test('R34: a header that is missing, malformed, too many or other than its argument is a contradiction', () => {
  const check = (args: object, headers: Record<string, string>) =>
    checkParamHeaders(params, args as never, (name) => headers[name])
  assert.equal(check({ region: 'eu' }, { 'Mcp-Param-Region': 'eu' }), undefined)
  assert.equal(check({ region: 'Hello' }, { 'Mcp-Param-Region': '=?base64?SGVsbG8=?=' }), undefined)
  assert.equal(check({ options: { limit: 42 } }, { 'Mcp-Param-Limit': '42.0' }), undefined)
  assert.equal(check({ region: null }, { 'Mcp-Param-Other': 'x' }), undefined)
  assert.match(check({ region: 'eu' }, {})!, /Mcp-Param-Region is missing/)
  assert.match(check({ region: 'eu' }, { 'Mcp-Param-Region': 'us' })!, /does not equal the argument region/)
  assert.match(check({ region: 'EU' }, { 'Mcp-Param-Region': 'eu' })!, /does not equal/)
  assert.match(check({ options: { limit: 42 } }, { 'Mcp-Param-Limit': '0x2a' })!, /argument options\.limit/)
  assert.match(check({}, { 'Mcp-Param-Region': 'eu' })!, /send both or neither/)
  for (const encoded of ['SGVsbG8', 'SGVs!!!bG8=', 'SGVsbG9=', '//79', 'SGVs bG8='])
    assert.match(check({ region: 'Hello' }, { 'Mcp-Param-Region': `=?base64?${encoded}?=` })!, /says that it is base64/)
})

test('R34: an annotation that the specification forbids is told with its place', () => {
  const fault = (inputSchema: object) => {
    const answer = readParamHeaders(inputSchema as never)
    return 'fault' in answer ? answer.fault : ''
  }
  const property = (p: object) => fault({ type: 'object', properties: { p } })
  for (const name of ['', 'a b', 'a:b', 'a\r\nb', 'é', 5, null])
    assert.match(property({ type: 'string', 'x-mcp-header': name }), /at p: it must be a name/)
  for (const type of ['number', 'object', 'array', 'null', undefined, ['string', 'null']])
    assert.match(property({ type, 'x-mcp-header': 'P' }), /at p: only a string, an integer or a boolean/)
  assert.match(
    fault({ properties: { a: region, b: { ...region, 'x-mcp-header': 'rEGION' } } }),
    /at b: another property/,
  )
  assert.match(fault({ ...region }), /at the root/)
  for (const [place, inputSchema] of [
    ['list.items', { properties: { list: { type: 'array', items: region } } }],
    ['anyOf', { anyOf: [{ type: 'object' }, region] }],
    ['allOf.a', { allOf: [{ properties: { a: region } }] }],
    ['a', { $defs: { a: region } }],
    ['^a', { patternProperties: { '^a': region } }],
    ['additionalProperties', { additionalProperties: region }],
    ['not.a', { not: { properties: { a: region } } }],
  ] as const)
    assert.match(fault(inputSchema), new RegExp(`at ${place.replaceAll('^', '\\^')}: only a property can have one`))
})
