import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { ConfigError, describeConfig, readConfig } from './read-config.ts'

const schema = z.object({
  natsUrl: z.string().default('nats://x').describe('where'),
  port: z.coerce.number().int().describe('which'),
})

test('settings come from COUNTERSIGN_ variables, defaults fill in', () => {
  assert.deepEqual(readConfig(schema, { COUNTERSIGN_PORT: '7', COUNTERSIGN_NATS_URL: '' }), {
    natsUrl: 'nats://x',
    port: 7,
  })
})

test('every wrong variable is named at once', () => {
  const both = z.object({ port: z.coerce.number().int(), host: z.string() })
  assert.throws(
    () => readConfig(both, { COUNTERSIGN_PORT: 'seven' }),
    new ConfigError(
      'settings are missing or wrong; set these environment variables:\n' +
        '  COUNTERSIGN_PORT must be a number, not text\n' +
        '  COUNTERSIGN_HOST is missing: it must be text',
    ),
  )
})

test('the table of settings has a row a setting', () => {
  assert.deepEqual(describeConfig(schema), [
    { variable: 'COUNTERSIGN_NATS_URL', default: 'nats://x', description: 'where' },
    { variable: 'COUNTERSIGN_PORT', default: 'required', description: 'which' },
  ])
})
