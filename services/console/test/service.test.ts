import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startTestBus, until } from '@countersign/testing'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

test('the service starts from its settings, serves, and stops cleanly on SIGTERM', async (t) => {
  const { server, dir } = await startTestBus(t)
  const [passwordFile, usersFile] = [join(dir, 'password'), join(dir, 'users.json')]
  await writeFile(passwordFile, server.passwords.console)
  await writeFile(usersFile, JSON.stringify({ users: [] }))
  const env = {
    PATH: process.env.PATH!,
    COUNTERSIGN_NATS_URL: server.url,
    COUNTERSIGN_NATS_PASSWORD_FILE: passwordFile,
    COUNTERSIGN_USERS_FILE: usersFile,
    COUNTERSIGN_CONSOLE_PORT: '0',
  }
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const port = await until(() => /"port":(\d+),"msg":"the console is served"/.exec(log)?.[1], 'the console is served')
  assert.equal((await fetch(`http://127.0.0.1:${port}/api/v1/openapi.json`)).status, 200)
  assert.equal((await fetch(`http://127.0.0.1:${port}/api/v1/status`)).status, 401)
  child.kill('SIGTERM')
  assert.equal(await ended, 0, log)
})

test('missing settings are named, and the service does not start', async () => {
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env.PATH! },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  assert.equal(await new Promise((resolve) => child.once('close', resolve)), 2)
  assert.match(said, /COUNTERSIGN_USERS_FILE/)
})
