import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { defaultStateDir } from './options.ts'
import type { PolicyStanding } from './policy-standing.ts'
import { screen } from './screen.ts'
import { stateLayout } from './state.ts'
import testPackage from '../../../test/package.json' with { type: 'json' }

const info = {
  gateway: 'http://127.0.0.1:7420',
  console: 'http://127.0.0.1:7421',
  nats: 'nats://127.0.0.1:7422',
  tokens: { agent: 'A', agent2: 'A2', approver: 'P', approver2: 'P2', operator: 'O' },
  natsCreds: { auditor: { user: '', pass: '' }, auditReader: { user: '', pass: '' } },
  auditLog: { dir: '', verifierKey: '' },
}
const servers = [
  { name: 'everything', ready: true, standing: 'ready, 13 tools' },
  { name: 'files', ready: false, standing: 'not ready: it was not looked at yet' },
]
const shown = (dir: string, policies: PolicyStanding | undefined = { inForce: 2, problems: [] }) =>
  screen({ info, servers, policies, state: { layout: stateLayout(dir), tokens: info.tokens, passwords: {} as never } })

test('R36: the inspector is named with the version that is tested here', () => {
  const { '@modelcontextprotocol/inspector': version } = testPackage.dependencies
  assert.match(version, /^\d+\.\d+\.\d+$/)
  assert.ok(shown(defaultStateDir).includes(`npx -y @modelcontextprotocol/inspector@${version} --cli `))
})

test('what stands below each other on the screen begins in the same column', () => {
  for (const dir of [defaultStateDir, '/a/folder/that is/elsewhere']) {
    for (const block of shown(dir).split('\n\n')) {
      const lines = block.split('\n')
      const values = lines.flatMap((line) => /^ {2}\S.*? {3,}(?=\S)/.exec(line)?.[0].length ?? [])
      const remarks = lines.flatMap((line) => / {3}\((?=all|one|in|more)/.exec(line)?.index ?? [])
      for (const columns of [values, remarks]) assert.ok(new Set(columns).size <= 1, block)
    }
  }
})

test('the screen says which policies decide, and that newer ones are refused', () => {
  assert.match(shown(defaultStateDir), /\n {2}Policies +2 in force\n\n/)
  const problems = ['prod.yaml:3:5: effct is not known here', 'prod.yaml:9:1: when is missing']
  assert.match(
    shown(defaultStateDir, { inForce: 2, problems }),
    /\n {2}Policies +2 in force\n +newer ones are refused, so the last good ones decide: prod\.yaml:3:5: effct.*\n +\(and 1 more: npx countersign policies\)\n/,
  )
  const none = shown(defaultStateDir, { inForce: 0, problems: problems.slice(1) })
  assert.match(
    none,
    /Policies +none in force, so every call is denied\n.*refused, so every call is denied: prod\.yaml:9:1.*\n +\(more:/,
  )
})

test('R36: commands on the screen name the state folder where they would not find it', () => {
  const usual = shown(defaultStateDir)
  assert.match(usual, /; npm start continues/)
  assert.doesNotMatch(usual, /--state/)
  const elsewhere = shown('/it is/elsewhere')
  const commands = elsewhere.split('\n').filter((line) => /npx countersign|npm start/.test(line))
  assert.equal(commands.length, 9)
  for (const line of commands) assert.ok(line.includes(`--state '/it is/elsewhere'`), line)
  assert.ok(
    elsewhere.includes(`Drop policies into ${join('/it is/elsewhere', 'policies')}/`),
    'no path climbs out of here',
  )
})
