import { callFixture } from '@countersign/testing'
import { digestOf, type JsonObject, type ToolDefinition, type ToolEntry } from '@countersign/contracts'
import { compileBundle, type PolicySet } from '@countersign/policies'
import { ArgumentChecks } from '@countersign/policies/schemas'
import type { Facts } from '../src/rules/facts.ts'

const checks = new ArgumentChecks()
export const epoch = new Date('2026-01-01T00:00:00.000Z')

/** A policy document as YAML; rules are lines of flow mappings. */
export function policyText(name: string, rules: string[], spec: JsonObject = {}): string {
  const more = Object.entries(spec).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`)
  const lines = rules.map((rule) => `    - { ${rule} }`)
  return [
    'apiVersion: countersign.dev/v1alpha1',
    'kind: ToolPolicy',
    `metadata: { name: ${name} }`,
    'spec:',
    ...more,
    '  rules:',
    ...lines,
    '',
  ].join('\n')
}

/** Policies in force, from YAML texts. */
export function policies(...texts: string[]): PolicySet {
  const { set, problems } = compileBundle(texts.map((text, index) => ({ file: `${index}.yaml`, text })))
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'))
  return set
}

/** A tool definition whose arguments are anything. */
export function toolDefinition(name: string, more: Partial<ToolDefinition> = {}): ToolDefinition {
  return { name, inputSchema: { type: 'object' }, ...more }
}

/** A pinned tool as the registry has it. */
export function pinnedTool(server: string, definition: ToolDefinition): ToolEntry {
  const digest = digestOf(definition as JsonObject)
  return {
    server,
    name: definition.name,
    state: 'pinned',
    pinned: { definition, digest, at: epoch.toISOString(), by: 'lifecycle' },
  }
}

/** Facts of a call that only policy has a say in. */
export function factsFixture(set: PolicySet | undefined, args: JsonObject = {}, more: Partial<Facts> = {}): Facts {
  return {
    now: epoch,
    call: { ...callFixture({}, args), groups: ['agents'], deadline: new Date(epoch.getTime() + 60_000).toISOString() },
    policies: set,
    audit: { state: 'current' },
    tool: pinnedTool('files', toolDefinition('read_file')),
    arguments: { value: args },
    checkArguments: checks.check,
    ...more,
  }
}
