import type { ServerAnswer, ServerItem, ToolItem } from '../../api/server-answer.ts'
import { acceptTool, showChanges } from '../servers/accept-tool.ts'
import { exits } from '../cli-error.ts'
import { checkArguments, type Command, type Invocation } from '../command.ts'
import type { Output } from '../output/output.ts'
import { fit } from '../output/printable.ts'
import { type Cell, nameColumn } from '../output/table.ts'
import { count, lengthOf } from '../output/times.ts'
import { noPolicyMentionsIt } from '../servers/no-policy.ts'

export const servers: Command = {
  name: 'servers',
  forms: [
    { usage: 'servers [name]', summary: 'Tool servers, or one with its tools', options: [] },
    { usage: 'servers accept [<server> [<tool>]] [--yes]', summary: 'Accept a changed tool, or list those there are' },
  ],
  details: [
    'A tool whose definition changed is quarantined: nobody can call it. `accept` without a tool lists what waits to be',
    'accepted. With one it shows what changed and makes the new definition the one in force; at a terminal it asks first,',
    'elsewhere it goes on. Exit code 1 when nothing was accepted, 130 for Ctrl-C.',
  ],
  options: { yes: { type: 'boolean', short: 'y' } },
  optionHelp: { '--yes': 'accept without asking' },
  async run(invocation) {
    const { args } = invocation
    if (args[0] === 'accept') return acceptTool(invocation)
    checkArguments(args, 0, 1, 'servers')
    return args[0] === undefined ? list(invocation) : show(invocation, args[0])
  },
}

async function list({ out, client }: Invocation) {
  const console = await client('operator')
  const answer = await console.get<{ servers: ServerItem[] }>('/servers')
  if (out.forPrograms) out.json(answer)
  if (answer.servers.length === 0) {
    out.line(
      `no tool server yet: put a document of kind MCPServer into ${console.target.places.servers} and it is taken up in two seconds`,
    )
    return exits.ok
  }
  out.table(
    [
      { head: 'SERVER' },
      { head: 'STATE' },
      { head: 'SOURCE' },
      { head: 'MCP' },
      { head: 'TOOLS', align: 'right' },
      { head: 'QUARANTINED', align: 'right' },
      { head: 'RESTARTS', align: 'right' },
      { head: 'MESSAGE', shrinks: true },
    ],
    answer.servers.map((server) => [
      { text: server.name, style: 'strong' },
      readiness(server),
      server.source,
      server.era ?? '',
      String(server.toolCount),
      server.quarantinedCount > 0 ? { text: String(server.quarantinedCount), style: 'warn' } : '0',
      String(server.restarts),
      messageOf(server),
    ]),
  )
  return exits.ok
}

async function show({ out, client, nowMs }: Invocation, name: string) {
  const server = await (await client('operator')).get<ServerAnswer>(`/servers/${encodeURIComponent(name)}`)
  if (out.forPrograms) out.json(server)
  const { serverInfo, limits, tools } = server
  out.line({ text: server.name, style: 'strong' }, '  ', readiness(server))
  out.fields([
    ['source', server.source, server.url ? ` at ${server.url}` : ''],
    ...(serverInfo
      ? [['program', `${serverInfo.name} ${serverInfo.version}`, server.era ? `, MCP ${server.era}` : ''] as const]
      : []),
    [
      'limits',
      `${count(limits.concurrency, 'call')} at once, ${limits.callTimeoutMs / 1000} s a call, ${limits.maxResultBytes / 1024} KiB a result`,
    ],
    ['restarts', String(server.restarts)],
    ...(server.leftOut === undefined ? [] : [['left out', { text: server.leftOut, style: 'warn' }] as const]),
    ...(server.policies ? [['policies', policiesCell(server, server.policies)] as const] : []),
    ...server.conditions.map(
      ({ type, status, reason, message, lastTransitionTime }) =>
        [
          type.toLowerCase(),
          {
            text: status === 'True' ? 'yes' : `${status === 'False' ? 'no' : 'unknown'}: ${reason}: ${message}`,
            style: status === 'True' ? 'good' : 'bad',
          },
          `, for ${lengthOf(nowMs - Date.parse(lastTransitionTime))}`,
        ] as const,
    ),
  ])
  if (tools.length > 0) {
    out.line()
    out.table(
      [
        nameColumn('TOOL'),
        { head: 'STATE' },
        { head: 'HINTS' },
        { head: 'DIGEST' },
        { head: 'DESCRIPTION', shrinks: true },
      ],
      tools.map((tool) => [
        tool.name,
        toolState(tool),
        hints(tool),
        (tool.digest ?? '').slice(0, 19),
        fit(tool.description ?? '', 100),
      ]),
    )
  }
  for (const tool of tools.filter(({ state }) => state === 'quarantined')) {
    if (tool.problem !== undefined) showProblem(out, tool)
    showChanges(out, tool, ` and is quarantined; accept with: countersign servers accept ${server.name} ${tool.name}`)
  }
  return exits.ok
}

function showProblem(out: Output, { name, problem }: ToolItem): void {
  out.line()
  out.line(
    { text: `${name} cannot be used`, style: 'warn' },
    ` and is quarantined until its server mends it: ${problem}`,
  )
}

function policiesCell(server: ServerItem, policies: readonly string[]): Cell {
  if (policies.length > 0) return policies.join(', ')
  return { text: noPolicy(server) ?? noPolicyMentionsIt, style: 'warn' }
}

/** What keeps the server, or tools of it, from being called. */
function messageOf(server: ServerItem): Cell {
  const { ready, conditions, leftOut } = server
  const cause = noPolicy(server) ?? conditions.find(({ status }) => status !== 'True')?.message
  const texts = [...(cause === undefined ? [] : [cause]), ...(leftOut === undefined ? [] : [`left out: ${leftOut}`])]
  return ready ? { text: texts.join('; '), style: 'warn' } : texts.join('; ')
}

/** Nothing keeps the server from being called, and yet nobody may. */
function noPolicy({ ready, policies }: ServerItem): string | undefined {
  return ready && policies?.length === 0 ? `ready, but ${noPolicyMentionsIt}` : undefined
}

function readiness({ ready }: ServerItem): Cell {
  return ready ? { text: 'ready', style: 'good' } : { text: 'not ready', style: 'bad' }
}

function toolState({ state }: ToolItem): Cell {
  return { text: state, style: state === 'pinned' ? 'good' : state === 'quarantined' ? 'warn' : 'faint' }
}

function hints({ hints }: ToolItem): string {
  if (!hints) return ''
  const { readOnly, destructive, idempotent } = hints
  if (readOnly) return 'reads'
  return `${destructive ? 'destroys' : 'writes'}${idempotent ? ', idempotent' : ''}`
}
