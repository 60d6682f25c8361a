import type { Command } from '../command.ts'
import { approvals } from './approvals.ts'
import { audit } from './audit.ts'
import { call } from './call.ts'
import { calls } from './calls.ts'
import { doctor } from './doctor.ts'
import { help } from './help.ts'
import { policies } from './policies.ts'
import { resolve } from './resolve.ts'
import { servers } from './servers.ts'
import { status } from './status.ts'
import { approve, reject } from './vote.ts'

/** Every command, in the order `help` shows them. */
export const commands: readonly Command[] = [
  status,
  approvals,
  approve,
  reject,
  calls,
  call,
  resolve,
  servers,
  policies,
  audit,
  doctor,
  help,
]

export function findCommand(name: string): Command | undefined {
  return commands.find((command) => command.name === name)
}
