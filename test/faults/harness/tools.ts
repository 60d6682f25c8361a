import type { ToolDefinition } from '@countersign/contracts'

/** Every tool of the harness's server: how it is declared, what it does, and what policy says of it. */
interface ToolRow {
  /** Declared safe to repeat (`readOnlyHint`). */
  repeatable: boolean
  does: 'echo' | 'slow' | 'tool-error' | 'rpc-error' | 'die'
  policy: 'allow' | 'deny' | 'hold' | 'hold-briefly'
}

export const tools = {
  read: { repeatable: true, does: 'echo', policy: 'allow' },
  write: { repeatable: false, does: 'echo', policy: 'allow' },
  'slow-read': { repeatable: true, does: 'slow', policy: 'allow' },
  'slow-write': { repeatable: false, does: 'slow', policy: 'allow' },
  'tool-error': { repeatable: false, does: 'tool-error', policy: 'allow' },
  'rpc-error': { repeatable: false, does: 'rpc-error', policy: 'allow' },
  'die-read': { repeatable: true, does: 'die', policy: 'allow' },
  'die-write': { repeatable: false, does: 'die', policy: 'allow' },
  'held-read': { repeatable: true, does: 'echo', policy: 'hold' },
  'held-write': { repeatable: false, does: 'echo', policy: 'hold' },
  'brief-read': { repeatable: true, does: 'echo', policy: 'hold-briefly' },
  forbidden: { repeatable: false, does: 'echo', policy: 'deny' },
} as const satisfies Record<string, ToolRow>

export type ToolName = keyof typeof tools
export const toolNames = Object.keys(tools) as ToolName[]

/** The name of the one tool server. */
export const serverName = 'scripted'

/** How long a slow tool takes. */
export const slowMs = 400

/** The definitions as the server lists them. */
export const toolDefinitions: ToolDefinition[] = toolNames.map((name) => ({
  name,
  description: `The tool ${name} of the fault harness.`,
  inputSchema: { type: 'object' },
  annotations: tools[name].repeatable ? { readOnlyHint: true } : {},
}))

/** The policy document for them; `heldFor` and `brieflyFor` are how long holds wait. */
export function policyText(heldFor: string, brieflyFor: string): string {
  const names = (policy: ToolRow['policy']) =>
    JSON.stringify(toolNames.filter((name) => tools[name].policy === policy)).replaceAll('"', "'")
  const hold = (expiresAfter: string) =>
    `effect: hold, reason: People decide, approval: { groups: [approvers], expiresAfter: ${expiresAfter} }`
  return `apiVersion: countersign.dev/v1alpha1
kind: ToolPolicy
metadata: { name: faults }
spec:
  rules:
    - { name: allowed, when: "tool.name in ${names('allow')}", effect: allow }
    - { name: denied, when: "tool.name in ${names('deny')}", effect: deny, reason: Not that }
    - { name: held, when: "tool.name in ${names('hold')}", ${hold(heldFor)} }
    - { name: brief, when: "tool.name in ${names('hold-briefly')}", ${hold(brieflyFor)} }
`
}

/** A policy document that is about no tool there is. */
export function otherPolicyText(name: string): string {
  return `apiVersion: countersign.dev/v1alpha1
kind: ToolPolicy
metadata: { name: ${name} }
spec: { match: { servers: [nowhere] }, rules: [{ name: nothing, when: "true", effect: deny, reason: Not there }] }
`
}

/** The document of a tool server at an address. */
export function serverText(name: string, url: string): string {
  return `apiVersion: mcp.x-k8s.io/v1beta1
kind: MCPServer
metadata: { name: ${name} }
spec: { source: { type: Url, url: { url: '${url}' } }, limits: { concurrency: 64, callTimeoutMs: 20000 } }
`
}
