import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Finding {
  file: string
  rule: string
  help: string
}

/** Lints snippets under our configuration, as if they lay where their paths say. */
function lint(t: TestContext, files: Record<string, string>, ...options: string[]): Finding[] {
  const dir = mkdtempSync(join(tmpdir(), 'lint-'))
  t.after(() => rmSync(dir, { recursive: true }))
  copyFileSync(join(root, '.oxlintrc.json'), join(dir, '.oxlintrc.json'))
  copyFileSync(join(root, 'tsconfig.base.json'), join(dir, 'tsconfig.base.json'))
  writeFileSync(
    join(dir, 'tsconfig.json'),
    '{"extends":"./tsconfig.base.json","compilerOptions":{"types":[]},"include":["libs","services","test"]}',
  )
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), text)
  }
  const oxlint = join(root, 'node_modules', '.bin', 'oxlint')
  const { stdout, stderr, status } = spawnSync(oxlint, ['--deny-warnings', '--format', 'json', ...options], {
    cwd: dir,
    encoding: 'utf8',
  })
  const report = JSON.parse(stdout || `{"failed":${JSON.stringify(stderr)}}`) as {
    diagnostics: { filename: string; code: string; help?: string }[]
  }
  assert.equal(status === 0, report.diagnostics.length === 0, 'a finding fails the run')
  return report.diagnostics.map(({ filename, code, help }) => ({ file: filename, rule: code, help: help ?? '' }))
}

/** Imports a module and uses it, so that nothing else is found. */
const importing = (module: string) => `import { thing } from '${module}'\n\nexport const used = [thing]\n`

const refused: [where: string, module: string, remedy: RegExp][] = [
  ['services/gateway/src/call/receive.ts', '@countersign/service-policy', /Services never import each other/],
  ['services/gateway/src/call/receive.ts', '../../../policy/src/call/decide.ts', /Services never import each other/],
  ['services/gateway/test/call.test.ts', '../../policy/src/call/decide.ts', /Services never import each other/],
  ['test/faults/load/drive.ts', '../../../services/policy/src/service.ts', /Services never import each other/],
  ['services/policy/src/service.ts', '@nats-io/jetstream', /use @countersign\/bus for NATS/],
  ['libs/mcp/src/upstream/post.ts', '@nats-io/nats-core', /use @countersign\/bus for NATS/],
  ['services/gateway/src/mcp/listener.ts', '@modelcontextprotocol/sdk/server/mcp.js', /@countersign\/mcp for MCP/],
  ['libs/bus/src/bus.ts', '@modelcontextprotocol/server', /@countersign\/mcp for MCP/],
  ['services/lifecycle/src/runtime/kubernetes.ts', '@kubernetes/client-node', /@countersign\/kube for Kubernetes/],
  ['services/audit/src/record/seal.ts', '@countersign/testing', /for tests/],
  ['services/audit/src/record/seal.ts', 'aws4fetch', /@countersign\/tlog for S3/],
  ['libs/bus/src/bus.ts', 'aws4fetch', /@countersign\/tlog for S3/],
  ['libs/tlog/src/log/tree-log.ts', '@countersign/bus', /The layers are/],
  ['libs/identity/src/authenticator.ts', '@countersign/tlog', /The layers are/],
  ['services/console/src/cli/run.ts', '../../../../libs/tlog/src/index.ts', /by its name/],
  ['libs/runtime/src/part.ts', '@countersign/testing', /for tests/],
  ['libs/contracts/src/digest.ts', 'node:fs', /only zod and node:crypto/],
  ['libs/contracts/src/digest.ts', 'node:fs/promises', /only zod and node:crypto/],
  ['libs/contracts/src/digest.ts', 'ajv', /only zod and node:crypto/],
  ['libs/contracts/src/digest.ts', '@countersign/bus', /only zod and node:crypto/],
  ['libs/bus/src/bus.ts', '@countersign/runtime', /The layers are/],
  ['libs/identity/src/authenticator.ts', '@countersign/bus', /The layers are/],
  ['libs/telemetry/src/logger.ts', '@countersign/contracts', /The layers are/],
  ['libs/policies/src/compile-bundle.ts', '@countersign/bus', /The layers are/],
  ['libs/bus/src/bus.ts', '@countersign/policies', /The layers are/],
  ['services/console/src/service.ts', '@countersign/bus/src/bus.ts', /by its name/],
  ['services/console/src/service.ts', '../../../libs/bus/src/bus.ts', /by its name/],
  ['services/console/src/service.ts', '@countersign/local', /nothing imports it/],
]

test('R3: each import that the design forbids is refused, and the message says what to do instead', (t) => {
  // One file a case, in the folder of the case, so that each is found for itself.
  const cases = refused.map(([where, module, remedy], index) => {
    const file = where.replace(/(?=(\.test)?\.ts$)/, `-${index}`)
    return { file, module, remedy }
  })
  const findings = lint(t, Object.fromEntries(cases.map(({ file, module }) => [file, importing(module)])))
  for (const { file, module, remedy } of cases) {
    const found = findings.filter((finding) => finding.file === file)
    assert.deepEqual(
      found.map(({ rule }) => rule),
      ['eslint(no-restricted-imports)'],
      `${file} imports ${module}`,
    )
    assert.match(found[0]!.help, remedy, `${file} imports ${module}`)
  }
  assert.equal(findings.length, cases.length)
})

test('R3: imports along the layers pass', (t) => {
  const allowed: [where: string, module: string][] = [
    ['services/gateway/src/call/receive.ts', '@countersign/contracts'],
    ['services/gateway/src/call/reply.ts', '@countersign/bus'],
    ['services/gateway/src/service.ts', './call/receive.ts'],
    ['services/gateway/src/mcp/listener.ts', '../call/receive.ts'],
    ['services/gateway/test/call.test.ts', '@countersign/testing'],
    ['services/gateway/test/client.ts', '@modelcontextprotocol/client'],
    ['services/console/src/cli/commands/policies.ts', '@countersign/policies'],
    ['libs/policies/src/compile-bundle.ts', '@countersign/contracts'],
    ['libs/bus/src/bus.ts', '@nats-io/jetstream'],
    ['libs/tlog/src/store/s3-store.ts', 'aws4fetch'],
    ['services/audit/src/log/open-log.ts', '@countersign/tlog'],
    ['libs/mcp/src/wire/era.ts', '@modelcontextprotocol/server'],
    ['libs/contracts/src/digest.ts', 'node:crypto'],
    ['libs/contracts/src/ids.ts', 'zod'],
    ['libs/contracts/src/proto/main.ts', 'node:fs'],
    ['libs/runtime/src/run-service.ts', '@countersign/bus'],
    ['deploy/local/src/launch.ts', '@countersign/bus/server'],
    ['test/faults/entry/policy.ts', '../../../services/policy/src/service.ts'],
  ]
  assert.deepEqual(lint(t, Object.fromEntries(allowed.map(([file, module]) => [file, importing(module)]))), [])
})

test('R3: only config.ts reads the environment', (t) => {
  const reading = 'export const path = process.env.PATH\n'
  const places = [
    'services/policy/src/config.ts',
    'services/policy/src/service.ts',
    'libs/bus/src/bus.ts',
    'libs/mcp/src/bridge/config.ts',
  ]
  const findings = lint(t, Object.fromEntries(places.map((place) => [place, reading])))
  assert.deepEqual(findings.map(({ file, rule }) => `${file} ${rule}`).toSorted(), [
    'libs/bus/src/bus.ts node(no-process-env)',
    'services/policy/src/service.ts node(no-process-env)',
  ])
})

test('R3: a promise nobody waits for is found, which needs types', (t) => {
  const file = 'services/policy/src/call/decide.ts'
  const text = 'async function store(): Promise<void> {}\n\nexport function decide(): void {\n  store()\n}\n'
  const findings = lint(t, { [file]: text }, '--type-aware')
  assert.deepEqual(
    findings.map(({ rule }) => rule),
    ['typescript(no-floating-promises)'],
  )
})
