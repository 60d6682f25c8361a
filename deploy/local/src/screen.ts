import { relative } from 'node:path'
import type { ToolServer } from './await-samples.ts'
import type { Running } from './launch.ts'

/** The one screen that tells a person what runs, how to connect, and what to try. */
export function screen({ info, state, servers }: Pick<Running, 'info' | 'state' | 'servers'>): string {
  const { tokens } = info
  const mcp = `${info.gateway}/mcp`
  const folder = state.layout.workspace
  const shown = (path: string) => relative(process.cwd(), path) || '.'
  const entry = { countersign: { type: 'http', url: mcp, headers: { Authorization: `Bearer ${tokens.agent}` } } }
  return `
Countersign is running. Ctrl-C stops it; npm start continues where it was; npm start -- --fresh begins anew.

  Agents connect to   ${mcp}                 (all servers; tools are named <server>_<tool>)
                      ${mcp}/files           (one server, its own names; also ${mcp}/everything)
  People use          npx countersign …      or the HTTP API at ${info.console}/api/v1/openapi.json
  Agent token         ${tokens.agent}
  Approver token      ${tokens.approver}
  State, logs         ${shown(state.layout.dir)}/    (more tokens: ${shown(state.layout.local)})
  Agents' folder      ${folder}
  Tool servers        ${linesOf(servers)}

Add it to a client:

  Claude Code     claude mcp add --transport http countersign ${mcp} --header "Authorization: Bearer ${tokens.agent}"
  Cursor          in mcp.json: ${JSON.stringify({ mcpServers: entry })}
  VS Code         in mcp.json: ${JSON.stringify({ servers: entry })}
  By hand         npx @modelcontextprotocol/inspector --cli ${mcp} --transport http \\
                    --header "Authorization: Bearer ${tokens.agent}" --method tools/list

Try it:

  1. Let the agent read      files_read_text_file {"path": "${folder}/welcome.txt"}         runs at once
  2. Let it write            files_write_file {"path": "${folder}/note.txt", "content": "hi"}   waits for a person
  3. Be that person          npx countersign approvals        then: npx countersign approve <id>
  4. Look it up              npx countersign calls            then: npx countersign call <id>
  5. Let it try to get out   files_read_text_file {"path": "/etc/passwd"}                    is denied
  6. Let it move a file     files_move_file needs two people: approve with --as approver, then with --as approver2

Drop policies into ${shown(state.layout.policies)}/ and tool servers into ${shown(state.layout.servers)}/ : they are taken up within two seconds.
`
}

function linesOf(servers: readonly ToolServer[]): string {
  const width = Math.max(0, ...servers.map(({ name }) => name.length))
  const lines = servers.map(({ name, standing }) => `${name.padEnd(width)}   ${standing}`)
  if (servers.length === 0) lines.push('none yet')
  if (servers.some(({ ready }) => !ready))
    lines.push('(what is not ready is tried again and again; npx countersign doctor tells what to do)')
  return lines.join(`\n${' '.repeat(22)}`)
}
