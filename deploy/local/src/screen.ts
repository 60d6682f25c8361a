import { relative, resolve } from 'node:path'
import type { ToolServer } from './await-samples.ts'
import type { Running } from './launch.ts'
import { defaultStateDir } from './options.ts'

/** Exact, and the one this project is tested with: npm gives older Nodes an older inspector that reads its options differently. */
const inspector = '@modelcontextprotocol/inspector@2.12.0'

/** The one screen that tells a person what runs, how to connect, and what to try. */
export function screen({
  info,
  state,
  servers,
  policies,
}: Pick<Running, 'info' | 'state' | 'servers' | 'policies'>): string {
  const { tokens } = info
  const { layout } = state
  const mcp = `${info.gateway}/mcp`
  const auth = `Authorization: Bearer ${tokens.agent}`
  const entry = { countersign: { type: 'http', url: mcp, headers: { Authorization: `Bearer ${tokens.agent}` } } }
  // The state that the command finds by itself needs no naming.
  const named = resolve(layout.dir) === defaultStateDir ? '' : ` --state ${quoted(shown(layout.dir))}`
  const again = named === '' ? 'npm start' : `npm start --${named}`
  const command = (words: string) => `npx countersign ${words}${named}`
  const call = (tool: string, args: object) => `${tool} ${JSON.stringify(args)}`
  return `
Countersign is running. Ctrl-C stops it; ${again} continues where it was; with --fresh it begins anew.

${columns([
  ['Agents connect to', mcp, 'all servers; tools are named <server>_<tool>'],
  ['', `${mcp}/files`, `one server, its own names; also ${mcp}/everything`],
  ['People use', command('…'), `in this folder; or the HTTP API, ${info.console}/api/v1/openapi.json`],
  ['Agent token', tokens.agent],
  ['Approver token', tokens.approver],
  ['State, logs', `${shown(layout.dir)}/`, `more tokens: ${shown(layout.local)}`],
  ["Agents' folder", layout.workspace],
  ...standings(servers, command('doctor')),
  ...policyRows(policies, command('policies')),
])}

Add it to a client:

${columns([
  ['Claude Code', `claude mcp add --transport http countersign ${mcp} --header "${auth}"`],
  ['Cursor', `in .cursor/mcp.json: ${JSON.stringify({ mcpServers: entry })}`],
  ['VS Code', `in .vscode/mcp.json: ${JSON.stringify({ servers: entry })}`],
  ['By hand', `npx -y ${inspector} --cli ${mcp} --transport http \\`],
  ['', `  --header "${auth}" --method tools/list`],
])}

Try it:

${columns([
  ['1. Let the agent read', call('files_read_text_file', { path: `${layout.workspace}/welcome.txt` })],
  ['', 'runs at once'],
  ['2. Let it write', call('files_write_file', { path: `${layout.workspace}/note.txt`, content: 'hi' })],
  ['', 'waits for a person'],
  ['3. Be that person', command('approvals')],
  ['', command('approve <id>')],
  ['4. Look it up', command('calls')],
  ['', command('call <id>')],
  ['', command('audit story <id>')],
  ['5. Let it try to get out', call('files_read_text_file', { path: '/etc/passwd' })],
  ['', 'is denied'],
  [
    '6. Let it move a file',
    'files_move_file waits for two people: approve as in 3, then once more with --as approver2',
  ],
])}

Drop policies into ${shown(layout.policies)}/ and tool servers into ${shown(layout.servers)}/: they are taken up within two seconds.
When something is not as you expect it: ${command('doctor')}
`
}

/** A path as it is shortest: from here when it lies below, else whole. */
function shown(path: string): string {
  const below = relative(process.cwd(), path)
  return below === '' || below.startsWith('..') ? path : below
}

/** A path as a shell takes it for one word. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}

/** Rows with a name, a value and a remark, each below the one before. */
function columns(rows: readonly (readonly [name: string, value: string, remark?: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  const remarked = Math.max(0, ...rows.map(([, value, remark]) => (remark === undefined ? 0 : value.length)))
  return rows
    .map(([name, value, remark]) => {
      const line = `  ${name.padEnd(width)}   ${value}`
      return remark === undefined ? line : `${line.padEnd(width + remarked + 5)}   (${remark})`
    })
    .join('\n')
}

/** How the tool servers stand, as rows. */
function standings(servers: readonly ToolServer[], doctor: string): (readonly [string, string])[] {
  const width = Math.max(0, ...servers.map(({ name }) => name.length))
  const lines = servers.map(({ name, standing }) => `${name.padEnd(width)}   ${standing}`)
  if (servers.length === 0) lines.push('none yet')
  if (servers.some(({ ready }) => !ready))
    lines.push(`(what is not ready is tried again and again; what to do: ${doctor})`)
  return lines.map((line, place) => [place === 0 ? 'Tool servers' : '', line])
}

/** Which policies decide, as rows: newer ones that are refused are easily overlooked. */
function policyRows(policies: Running['policies'], more: string): (readonly [string, string])[] {
  if (!policies) return []
  const { inForce, problems } = policies
  const [first, ...others] = problems
  const decides = inForce === 0 ? 'every call is denied' : 'the last good ones decide'
  return [
    ['Policies', inForce === 0 ? 'none in force, so every call is denied' : `${inForce} in force`],
    ...(first === undefined
      ? []
      : ([
          ['', `newer ones are refused, so ${decides}: ${first}`],
          ['', others.length === 0 ? `(more: ${more})` : `(and ${others.length} more: ${more})`],
        ] as const)),
  ]
}
