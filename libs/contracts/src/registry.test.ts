import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRegistryKey, registryKeys, type ToolDefinition, toolHints } from './registry.ts'

const hints = (annotations?: ToolDefinition['annotations']) =>
  toolHints({ name: 'tool', inputSchema: {}, ...(annotations ? { annotations } : {}) })

test('I6: a tool that promises nothing is taken for destructive and not idempotent', () => {
  for (const annotations of [undefined, {}]) {
    assert.deepEqual(hints(annotations), { readOnly: false, destructive: true, idempotent: false, openWorld: true })
  }
})

test('I6: idempotent is what promises to be, or only reads', () => {
  assert.equal(hints({ idempotentHint: true }).idempotent, true)
  assert.equal(hints({ readOnlyHint: true }).idempotent, true)
  assert.equal(hints({ destructiveHint: false }).idempotent, false)
  assert.equal(hints({ readOnlyHint: true, destructiveHint: true }).destructive, false)
})

test('registry keys are read back, and a tool name may hold anything', () => {
  const key = registryKeys.tool('files', 'a.b *>\n')
  assert.match(key, /^tool\.files\.[0-9a-f]{32}$/)
  assert.deepEqual(parseRegistryKey(key), { kind: 'tool', server: 'files' })
  assert.deepEqual(parseRegistryKey(registryKeys.server('files')), { kind: 'server', server: 'files' })
  assert.notEqual(registryKeys.tool('files', 'a'), registryKeys.tool('files', 'b'))
  for (const other of ['', 'server', 'pin.files', 'server.']) assert.equal(parseRegistryKey(other), undefined, other)
})
