import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '@countersign/config'
import { until } from '@countersign/testing'
import { residentOfTree } from '../resident.ts'
import { type Contender, toolCount, tools } from './contender.ts'
import { installOnce, placeOf } from './install-once.ts'
import { runProgram } from './run-program.ts'

/** The release that `context-forge.txt` names with all it needs. */
const version = '1.0.7.post20260921'
const release = `context-forge-${version}`
const requirements = fileURLToPath(new URL('context-forge.txt', import.meta.url))

/** What its guides for tuning and scale switch off for speed; docs/performance.md says why sessions, and as many workers as cores. */
const settings = {
  USE_STATEFUL_SESSIONS: 'true',
  JSON_RESPONSE_ENABLED: 'true',
  AUTH_REQUIRED: 'false',
  MCP_REQUIRE_AUTH: 'false',
  ALLOW_UNAUTHENTICATED_ADMIN: 'true',
  LOG_LEVEL: 'ERROR',
  STRUCTURED_LOGGING_DATABASE_ENABLED: 'false',
  TOKEN_USAGE_LOGGING_ENABLED: 'false',
  DB_METRICS_RECORDING_ENABLED: 'false',
  RATE_LIMITING_ENABLED: 'false',
  SECURITY_HEADERS_ENABLED: 'false',
  CORRELATION_ID_ENABLED: 'false',
  COMPRESSION_ENABLED: 'false',
  OBSERVABILITY_ENABLED: 'false',
  PLUGINS_ENABLED: 'false',
  MCPGATEWAY_UI_ENABLED: 'false',
  CACHE_TYPE: 'memory',
  TOOL_RATE_LIMIT: '60000',
  TOOL_CONCURRENT_LIMIT: '1000',
  SSRF_ALLOW_LOCALHOST: 'true',
  ENVIRONMENT: 'development',
}

/** IBM's ContextForge, Python processes over SQLite. */
export const contextForge: Contender = {
  name: 'ContextForge',
  version,
  install: (say) =>
    installOnce(release, say, async (place, run) => {
      await run('python3', ['-m', 'venv', place])
      await run(join(place, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--no-deps', '-r', requirements])
    }),
  async start(upstream) {
    const dir = mkdtempSync(join(tmpdir(), 'countersign-compare-'))
    const port = await freePort()
    const address = `http://127.0.0.1:${port}`
    const secrets = {
      JWT_SECRET_KEY: randomBytes(32).toString('hex'),
      AUTH_ENCRYPTION_SECRET: randomBytes(32).toString('hex'),
    }
    const program = await runProgram({
      command: join(placeOf(release), 'bin', 'mcpgateway'),
      args: [
        '--host',
        '127.0.0.1',
        '--port',
        String(port),
        '--workers',
        String(cpus().length),
        '--no-access-log',
        '--log-level',
        'error',
      ],
      dir,
      env: {
        ...settings,
        ...secrets,
        HOST: '127.0.0.1',
        PORT: String(port),
        DATABASE_URL: `sqlite:///${join(dir, 'db')}`,
      },
      ready: async () => (await fetch(`${address}/health`, { signal: AbortSignal.timeout(5000) })).ok,
    })
    const stop = async () => {
      await program.stop()
      rmSync(dir, { recursive: true, force: true })
    }
    try {
      await register(address, upstream)
    } catch (error) {
      await stop()
      throw error
    }
    const memoryMiB = () => residentOfTree(program.pid)
    return { url: `${address}/mcp/`, headers: {}, tools: tools.map((name) => `bench-${name}`), memoryMiB, stop }
  },
}

/** Makes the tool server known to it; it puts the server's name before the names of the tools. */
async function register(address: string, upstream: string): Promise<void> {
  const gateway = { name: 'bench', url: upstream, transport: 'STREAMABLEHTTP', visibility: 'public' }
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${address}/gateways`, { method: 'POST', headers, body: JSON.stringify(gateway) })
  if (!answer.ok)
    throw new Error(`it refused the tool server: HTTP ${answer.status}: ${(await answer.text()).slice(0, 300)}`)
  await until(
    async () => ((await (await fetch(`${address}/tools`)).json()) as unknown[]).length === toolCount,
    'it has the tools',
    60_000,
  )
}
