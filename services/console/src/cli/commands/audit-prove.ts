import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { CallProof } from '@countersign/contracts'
import { locationOf } from '../audit/verify/location-of.ts'
import { storeTrouble } from '../audit/verify/store-trouble.ts'
import { isWholeCallId, resolveCallId } from '../calls/call-ids.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import { checkArguments, type Invocation } from '../command.ts'

/** `countersign audit prove <call>`: writes a file that `countersign audit verify` verifies, and that needs nothing else. */
export async function auditProve({ args, option, out, client, where }: Invocation): Promise<Exit> {
  checkArguments(args, 2, 2, 'audit prove')
  const log = option('log')
  const proof = log === undefined ? await fromConsole(args[1]!, client) : await fromLog(args[1]!, log, where.cwd)
  const file = option('out') ?? `${proof.callId}.proof.json`
  await writeFile(resolve(where.cwd, file), `${JSON.stringify(proof, undefined, 2)}\n`)
  if (out.forPrograms) out.json({ file, callId: proof.callId, entries: proof.entries.length })
  out.line(
    `${file}: ${proof.entries.length} events of call ${proof.callId}; check it with: countersign audit verify ${file}`,
  )
  return exits.ok
}

async function fromConsole(typed: string, client: Invocation['client']): Promise<CallProof> {
  const console = await client('operator')
  const callId = await resolveCallId(console, typed, 'all')
  return console.get<CallProof>(`/audit/proofs/${callId}`)
}

async function fromLog(callId: string, log: string, cwd: string): Promise<CallProof> {
  if (!isWholeCallId(callId)) {
    throw new CliError(exits.usage, `with --log the whole id of the call is needed, and ${callId} is not one`, {
      next: 'whole ids are in: countersign audit --json, and in: countersign calls --json',
    })
  }
  const { proveCallFrom } = await import('@countersign/tlog')
  const location = await locationOf(log, cwd)
  if (!location) throw new CliError(exits.usage, `--log must be the folder of a log or the URL of its bucket`)
  const proof = await proveCallFrom(location, callId.toLowerCase()).catch((error: Error) => {
    if (error.name !== 'LogBroken' && error.name !== 'BadNote') throw storeTrouble(error)
    throw new CliError(exits.negative, error.message, { next: `check the log with: countersign audit verify ${log}` })
  })
  if (!proof) throw new CliError(exits.notFound, `the log has no call ${callId}`)
  return proof
}
