import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const logger = new URL('./logger.ts', import.meta.url).href

/** What a process with our logger writes on standard error. */
function linesOf(script: string, level = 'info'): Record<string, unknown>[] {
  const program = `import { createLogger } from ${JSON.stringify(logger)}\nconst log = createLogger('gateway', '${level}')\n${script}`
  const { stderr, stdout, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  assert.equal(stdout, '', 'nothing goes to standard output')
  return stderr
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('a line is one JSON object with name, level, time and message', () => {
  const [line] = linesOf(`log.info({ port: 7420 }, 'listening')`)
  assert.equal(line!.name, 'gateway')
  assert.equal(line!.level, 'info')
  assert.equal(line!.port, 7420)
  assert.equal(line!.msg, 'listening')
  assert.match(String(line!.time), /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/)
})

test('lines less severe than the level are not written', () => {
  assert.deepEqual(
    linesOf(`log.debug('a'); log.info('b'); log.warn('c')`, 'warn').map(({ msg }) => msg),
    ['c'],
  )
})

test('I9: credentials do not reach a log line, at the top or inside', () => {
  const members = ['authorization', 'token', 'password', 'secret', 'apiKey', 'cookie']
  const bag = JSON.stringify(Object.fromEntries(members.map((member) => [member, `hunter2-${member}`])))
  const lines = linesOf(
    `log.info(${bag}, 'top'); log.info({ user: ${bag} }, 'one'); log.info({ request: { headers: ${bag} } }, 'two')`,
  )
  assert.equal(lines.length, 3)
  assert.doesNotMatch(JSON.stringify(lines), /hunter2/)
  assert.equal(JSON.stringify(lines).match(/\[secret\]/g)?.length, 3 * members.length)
})

test('I9: what stands beside a credential is still there', () => {
  const [line] = linesOf(`log.info({ user: { id: 'ann', token: 'x' } }, 'hello')`)
  assert.deepEqual(line!.user, { id: 'ann', token: '[secret]' })
})
