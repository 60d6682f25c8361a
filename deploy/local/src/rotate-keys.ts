import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { rotateGrantKey } from './grant-keys.ts'
import { defaultStateDir } from './options.ts'
import { stateLayout } from './state.ts'

const usage = `npm run rotate-keys [-- options]

Makes a new key that signs grants, also while everything runs; no call is refused.

  --revoke         forget the earlier key at once, because somebody else may have it: what it signed and has not run yet is refused
  --state DIR      the state folder, if it is not .countersign
`

try {
  const { values } = parseArgs({
    options: {
      revoke: { type: 'boolean', default: false },
      state: { type: 'string', default: defaultStateDir },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const layout = stateLayout(values.state)
  if (values.help) process.stdout.write(usage)
  else if (existsSync(layout.grantKey)) {
    await rotateGrantKey(layout, values.revoke)
    process.stdout.write('grants are signed with a new key within a second\n')
  } else throw new Error(`there is no grant key in ${values.state}; start Countersign there first`)
} catch (error) {
  process.stderr.write(`countersign: ${(error as Error).message}\n\n${usage}`)
  process.exitCode = 2
}
