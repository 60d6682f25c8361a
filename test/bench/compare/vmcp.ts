import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@countersign/config'
import { residentOf } from '../resident.ts'
import { type Contender, tools } from './contender.ts'
import { installOnce, placeOf } from './install-once.ts'
import { runProgram } from './run-program.ts'

/** Newer ones do not build from the module proxy. */
const version = 'v0.47.0'
const release = `vmcp-${version}`

/** Nobody is asked who they are on either side, names stay as they are, and nothing is traced or written down. */
const settings = (upstream: string) => `name: bench
groupRef: bench
incomingAuth: { type: anonymous }
outgoingAuth: { source: inline, default: { type: unauthenticated } }
backends: [{ name: bench, url: '${upstream}', transport: streamable-http }]
aggregation:
  conflictResolution: priority
  conflictResolutionConfig: { priorityOrder: [bench] }
`

/** Stacklok's Virtual MCP Server, one Go program. */
export const vmcp: Contender = {
  name: 'ToolHive vMCP',
  version,
  install: (say) =>
    installOnce(release, say, (place, run) =>
      run('go', ['install', `github.com/stacklok/toolhive/cmd/vmcp@${version}`], { GOBIN: place }),
    ),
  async start(upstream) {
    const dir = mkdtempSync(join(tmpdir(), 'countersign-compare-'))
    const port = await freePort()
    writeFileSync(join(dir, 'vmcp.yaml'), settings(upstream))
    const { pid, stop } = await runProgram({
      command: join(placeOf(release), 'vmcp'),
      args: ['serve', '--config', 'vmcp.yaml', '--host', '127.0.0.1', '--port', String(port)],
      dir,
      ready: async () => (await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(5000) })).ok,
    })
    return {
      url: `http://127.0.0.1:${port}/mcp`,
      headers: {},
      tools,
      memoryMiB: () => residentOf(pid),
      async stop() {
        await stop()
        rmSync(dir, { recursive: true, force: true })
      },
    }
  },
}
