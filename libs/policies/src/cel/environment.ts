import { Environment } from '@marcbachmann/cel-js'
import { linearMatches, matches } from './matches.ts'
import { pathInside } from './path-inside.ts'

/** What a condition knows of a tool: its name, its server and what its pinned annotations promise. */
export class CelTool {
  readonly name: string
  readonly server: string
  readonly readOnly: boolean
  readonly destructive: boolean
  readonly idempotent: boolean
  readonly openWorld: boolean

  constructor(tool: {
    name: string
    server: string
    readOnly: boolean
    destructive: boolean
    idempotent: boolean
    openWorld: boolean
  }) {
    this.name = tool.name
    this.server = tool.server
    this.readOnly = tool.readOnly
    this.destructive = tool.destructive
    this.idempotent = tool.idempotent
    this.openWorld = tool.openWorld
  }
}

/** What a condition knows of who asks. */
export class CelPrincipal {
  readonly id: string
  readonly tenant: string
  readonly groups: readonly string[]

  constructor(principal: { id: string; tenant: string; groups: readonly string[] }) {
    this.id = principal.id
    this.tenant = principal.tenant
    this.groups = principal.groups
  }
}

/** The variables of a condition; `args` is left out where the arguments are not known yet. */
export interface CelVariables {
  tool: CelTool
  principal: CelPrincipal
  server: string
  method: string
  args?: Map<string, unknown>
}

/** The language of `when`: CEL with these variables, `pathInside(path or paths, folder)` and a `matches` that runs in linear time. */
export const environment = new Environment({ limits: { maxAstNodes: 2000, maxDepth: 64 } })
  .registerType('Tool', {
    ctor: CelTool,
    fields: {
      name: 'string',
      server: 'string',
      readOnly: 'bool',
      destructive: 'bool',
      idempotent: 'bool',
      openWorld: 'bool',
    },
  })
  .registerType('Principal', {
    ctor: CelPrincipal,
    fields: { id: 'string', tenant: 'string', groups: 'list<string>' },
  })
  .registerVariable('tool', 'Tool')
  .registerVariable('principal', 'Principal')
  .registerVariable('server', 'string')
  .registerVariable('method', 'string')
  .registerVariable('args', 'map<string, dyn>')
  .registerFunction({ signature: `string.${linearMatches}(string): bool`, handler: matches, async: false })
  .registerFunction({
    signature: 'pathInside(string, string): bool',
    handler: pathInside,
    async: false,
  })
  .registerFunction({
    signature: 'pathInside(list<string>, string): bool',
    // The library tells a list's type by its first element: look at every one.
    handler: (paths: readonly unknown[], folder: string) =>
      paths.every((path) => typeof path === 'string' && pathInside(path, folder)),
    async: false,
  })
