import type { ServerAnswer, ServerItem, ToolItem } from '../../api/server-answer.ts'
import { agree } from '../questions/agree.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import { checkArguments, type Invocation } from '../command.ts'
import type { Output } from '../output/output.ts'

/** `servers accept`: makes a changed definition the one in force, or lists what waits for that. */
export async function acceptTool(invocation: Invocation): Promise<Exit> {
  const { args, out, client } = invocation
  if (args.length < 3) return listChanged(invocation)
  checkArguments(args, 3, 3, 'servers accept')
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
    throw new CliError(exits.negative, `${toolName} of ${name} has not changed, so there is nothing to accept`, {
      next: 'list what waits to be accepted with: countersign servers accept',
    })
  showChanges(out, tool, ':')
  await agree(invocation, `accept this definition of ${toolName}?`, 'nothing was accepted')
  const answer = await console.post(`${path}/tools/${encodeURIComponent(toolName)}/acceptance`, {
    digest: tool.offered.digest,
  })
  if (out.forPrograms) out.json(answer)
  out.line({ text: 'accepted', style: 'good' }, `: ${toolName} of ${name} is pinned as ${tool.offered.digest}`)
  return exits.ok
}

/** `accept` without saying what: lists what waits to be accepted. */
async function listChanged({ args, out, client }: Invocation): Promise<Exit> {
  const [, only] = args
  const console = await client('operator')
  const { servers } = await console.get<{ servers: ServerItem[] }>('/servers')
  if (only !== undefined && !servers.some(({ name }) => name === only)) {
    throw new CliError(exits.notFound, `there is no tool server "${only}"`, {
      next: 'list tool servers with: countersign servers',
    })
  }
  const changed = servers.filter(({ name, quarantinedCount }) => quarantinedCount > 0 && name === (only ?? name))
  const waiting: { server: string; tool: string; what: string }[] = []
  for (const { name } of changed) {
    const { tools } = await console.get<ServerAnswer>(`/servers/${encodeURIComponent(name)}`)
    for (const tool of tools.filter(({ offered }) => offered))
      waiting.push({ server: name, tool: tool.name, what: tool.digest === null ? 'was added' : 'changed' })
  }
  if (out.forPrograms) out.json({ waiting })
  const [first] = waiting
  if (!first) {
    out.line(`no changed tool${only === undefined ? '' : ` of ${only}`} waits to be accepted`)
    return exits.ok
  }
  out.table(
    // The name last, and whole: it is what has to be typed.
    [{ head: 'SERVER' }, { head: 'WHAT' }, { head: 'TOOL' }],
    waiting.map(({ server, tool, what }) => [server, { text: what, style: 'warn' }, tool]),
  )
  out.line()
  out.line('nobody can call these tools until you accept them; look at one and decide:')
  out.line(`countersign servers accept ${first.server} ${first.tool}`)
  return exits.ok
}

/** Shows what changed in a definition; nothing for a tool that did not change. */
export function showChanges(out: Output, { name, digest, offered }: ToolItem, hint: string): void {
  if (!offered) return
  out.line()
  out.line({ text: `${name} ${digest === null ? 'was added' : 'changed'}`, style: 'warn' }, hint)
  for (const { path, before, after } of offered.changes) {
    out.line('  ', path === '' ? 'the whole definition' : path)
    if (before !== undefined) out.line('    ', { text: `- ${before}`, style: 'bad' })
    if (after !== undefined) out.line('    ', { text: `+ ${after}`, style: 'good' })
  }
}
