/** Between a server's name and a tool's where the tools of all servers stand together; server names are DNS labels and cannot hold it. */
export const prefixSeparator = '_'

/** The gateway's own tool: how a held or long call is asked about later. */
export const statusToolName = 'countersign_call_status'

/** What a tool is called where the tools of all servers stand together. */
export function prefixedName(server: string, tool: string): string {
  return `${server}${prefixSeparator}${tool}`
}

/** True for a tool that would be listed under the name of the gateway's own, alone or among those of all servers: nobody could call it. */
export function hasOwnName(server: string, tool: string): boolean {
  return tool === statusToolName || prefixedName(server, tool) === statusToolName
}
