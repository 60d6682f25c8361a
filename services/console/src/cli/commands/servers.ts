import type { ServerAnswer, ServerItem, ToolItem } from '../../api/server-answer.ts'
import { CliError, exits } from '../cli-error.ts'
import { checkArguments, type Command, type Invocation } from '../command.ts'
import type { Output } from '../output.ts'
import { fit } from '../printable.ts'
import type { Cell } from '../table.ts'
import { lengthOf } from '../times.ts'

export const servers: Command = {
  name: 'servers',
  usage: ['servers [name]', 'servers accept <server> <tool>'],
  summary: 'Tool servers, one with its tools, or accept a changed tool',
  details: [
    'A tool whose definition changed is quarantined: nobody can call it. `accept` shows what changed and makes the new',
    'definition the one in force.',
  ],
  async run(invocation) {
    const { args } = invocation
    if (args[0] === 'accept' && args.length > 1) return accept(invocation)
    checkArguments(args, 0, 1, 'servers')
    return args[0] === undefined ? list(invocation) : show(invocation, args[0])
  },
}

async function list({ out, client }: Invocation) {
  const answer = await (await client('operator')).get<{ servers: ServerItem[] }>('/servers')
  if (out.forPrograms) out.json(answer)
  if (answer.servers.length === 0) {
    out.line('no tool server yet: put a document into .countersign/servers/')
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
      server.conditions.find(({ status }) => status !== 'True')?.message ?? '',
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
      `${limits.concurrency} calls at once, ${limits.callTimeoutMs / 1000} s a call, ${limits.maxResultBytes / 1024} KiB a result`,
    ],
    ['restarts', String(server.restarts)],
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
        { head: 'TOOL' },
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

async function accept({ args, out, client }: Invocation) {
  checkArguments(args, 3, 3, 'servers')
  const [, name = '', toolName = ''] = args
  const console = await client('operator')
  const path = `/servers/${encodeURIComponent(name)}`
  const { tools } = await console.get<ServerAnswer>(path)
  const tool = tools.find((each) => each.name === toolName)
  if (!tool)
    throw new CliError(exits.notFound, `${name} has no tool ${toolName}`, {
      next: `list them with: countersign servers ${name}`,
    })
  if (tool.problem !== undefined)
    throw new CliError(exits.negative, `the definition of ${toolName} cannot be used: ${tool.problem}`, {
      next: `have ${name} mend it; then it can be accepted`,
    })
  if (!tool.offered)
    throw new CliError(exits.negative, `${toolName} of ${name} has not changed, so there is nothing to accept`)
  showChanges(out, tool, ':')
  const answer = await console.post(`${path}/tools/${encodeURIComponent(toolName)}/acceptance`, {
    digest: tool.offered.digest,
  })
  if (out.forPrograms) out.json(answer)
  out.line({ text: 'accepted', style: 'good' }, `: ${toolName} of ${name} is pinned as ${tool.offered.digest}`)
  return exits.ok
}

function showProblem(out: Output, { name, problem }: ToolItem): void {
  out.line()
  out.line(
    { text: `${name} cannot be used`, style: 'warn' },
    ` and is quarantined until its server mends it: ${problem}`,
  )
}

function showChanges(out: Output, { name, digest, offered }: ToolItem, hint: string): void {
  if (!offered) return
  out.line()
  out.line({ text: `${name} ${digest === null ? 'was added' : 'changed'}`, style: 'warn' }, hint)
  for (const { path, before, after } of offered.changes) {
    out.line('  ', path === '' ? 'the whole definition' : path)
    if (before !== undefined) out.line('    ', { text: `- ${before}`, style: 'bad' })
    if (after !== undefined) out.line('    ', { text: `+ ${after}`, style: 'good' })
  }
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
