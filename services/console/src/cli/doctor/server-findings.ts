import type { ServerAnswer, ServerItem } from '../../api/server-answer.ts'
import type { Client } from '../connect/client.ts'
import { count } from '../output/times.ts'
import { noPolicyMentionsIt } from '../servers/no-policy.ts'
import { bad, type Finding, firstOf, good, warn } from './finding.ts'

/** How each tool server stands. */
export async function* serverFindings(console: Client): AsyncGenerator<Finding> {
  const { places } = console.target
  const { servers } = await console.get<{ servers: ServerItem[] }>('/servers')
  if (servers.length === 0) {
    yield warn(
      'servers',
      'there is no tool server, so agents have nothing to call',
      `put a document of kind MCPServer into ${places.servers}`,
    )
  }
  for (const server of servers) {
    const { name, ready, toolCount, quarantinedCount, leftOut, policies } = server
    const findings = [
      ...(ready ? [] : [notReadyFinding(server, places.servers)]),
      ...(quarantinedCount > 0 ? await quarantineFindings(console, name) : []),
      ...(leftOut === undefined
        ? []
        : [warn(name, `tools of it are left out: ${leftOut}`, 'whoever runs the tool server must mend them')]),
      ...(ready && policies?.length === 0
        ? [
            warn(
              name,
              `ready, but ${noPolicyMentionsIt}`,
              `put a ToolPolicy into ${places.policies} whose spec.match.servers has ${name}`,
            ),
          ]
        : []),
    ]
    if (findings.length === 0) yield good(name, `ready, ${count(toolCount, 'tool')}`)
    yield* findings
  }
}

/** Tools that nobody can call: those that a person can accept, and those that only their server can mend. */
async function quarantineFindings(console: Client, name: string): Promise<Finding[]> {
  const { tools } = await console.get<ServerAnswer>(`/servers/${encodeURIComponent(name)}`)
  const quarantined = tools.filter(({ state }) => state === 'quarantined')
  const unusable = quarantined.filter(({ problem }) => problem !== undefined).map((tool) => tool.name)
  const changed = quarantined.filter(({ problem }) => problem === undefined).map((tool) => tool.name)
  return [
    ...(changed.length === 0
      ? []
      : [
          warn(
            name,
            `${count(changed.length, 'tool')} of it changed, so nobody can call ${changed.length === 1 ? 'it' : 'them'}: ${firstOf(changed)}`,
            `see what changed: countersign servers ${name}   then accept it: countersign servers accept ${name} ${changed[0]}`,
          ),
        ]),
    ...(unusable.length === 0
      ? []
      : [
          warn(
            name,
            `${count(unusable.length, 'tool')} of it cannot be used, so nobody can call ${unusable.length === 1 ? 'it' : 'them'}: ${firstOf(unusable)}`,
            `its server has to mend that, and nothing can be accepted before; why: countersign servers ${name}`,
          ),
        ]),
  ]
}

/** The first condition that does not hold is the cause; those after it follow from it. */
function notReadyFinding({ name, conditions }: ServerItem, folder: string): Finding {
  const cause =
    conditions.find(({ status }) => status === 'False') ?? conditions.find(({ status }) => status !== 'True')
  const remedy = `start it, or correct its document in ${folder}; more: countersign servers ${name}`
  if (!cause) return warn(name, 'was not looked at yet, so its tools cannot be called', remedy)
  const message = `is not ${cause.type.toLowerCase()}, so its tools cannot be called: ${cause.message}`
  return cause.status === 'False' ? bad(name, message, remedy) : warn(name, message, remedy)
}
