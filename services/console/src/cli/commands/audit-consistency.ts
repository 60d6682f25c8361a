import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { ProvenConsistency, VerifierKey } from '@countersign/tlog'
import { readNamed } from '../audit/verify/read-named.ts'
import { readKeys } from '../audit/verify/trust.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import { checkArguments, type Invocation } from '../command.ts'
import type { Client } from '../connect/client.ts'
import { findLocalInfo } from '../connect/find-console.ts'

/** What the console answers: the newest checkpoint, and the hashes that lead from the earlier tree to it, in base64. */
interface Answer {
  checkpoint: string
  proof: string[]
}

/**
 * `countersign audit consistency --from CHECKPOINT`: asks the console to prove that the log goes on from a checkpoint that was kept, and
 * checks what it answers. With `--out` the newest checkpoint is kept for the next time.
 */
export async function auditConsistency(invocation: Invocation): Promise<Exit> {
  const { args, option, out, where } = invocation
  checkArguments(args, 1, 1, 'audit consistency')
  const [from, keep] = [option('from'), option('out')]
  if (from === undefined && keep === undefined) {
    throw new CliError(exits.usage, 'audit consistency: --from CHECKPOINT is missing', {
      next: 'keep a first one with: countersign audit consistency --out FILE',
    })
  }
  const earlier = from === undefined ? undefined : await readNamed(from, where.cwd, '--from must be a checkpoint')
  const client = await invocation.client('operator')
  const keys = await keysFor(invocation, client)
  let answer: Answer
  let proven: ProvenConsistency | undefined
  try {
    answer = await askFrom(client, await sizeOf(earlier, keys))
    proven = await check(earlier, answer, keys)
  } catch (error) {
    if (error instanceof CliError) throw error
    const reason = (error as Error).message
    if (out.forPrograms) out.json({ ok: false, reason })
    out.line({ text: 'wrong: ', style: 'bad' }, reason)
    out.line({ text: from === undefined ? 'nothing was kept' : `not proven from ${from}`, style: 'bad' })
    return exits.negative
  }
  if (keep !== undefined) await keepIn(resolve(where.cwd, keep), answer.checkpoint)
  const { checkpoint, proof } = answer
  if (out.forPrograms) out.json({ ok: true, ...proven, earlierCheckpoint: earlier, checkpoint, proof })
  if (proven) {
    out.line({ text: proven.origin, style: 'strong' }, `  ${proven.newer.size} entries`)
    out.fields([
      ['root', proven.newer.root],
      ['goes on from', `the first ${proven.earlier.size}, as signed in ${from}`],
      ['signed by', proven.signedBy.join(', ')],
    ])
  }
  if (keep !== undefined) {
    out.line(`${keep}: the newest checkpoint; later: countersign audit consistency --from ${keep}`)
  }
  return exits.ok
}

async function keepIn(path: string, checkpoint: string): Promise<void> {
  await writeFile(path, checkpoint).catch((error: Error) => {
    throw new CliError(exits.usage, `${path} cannot be written: ${error.message}`)
  })
}

/** Keys as they were given, or those of a Countersign on this machine. */
async function keysFor(invocation: Invocation, { target }: Client): Promise<VerifierKey[]> {
  const given = invocation.option('key')
  if (given !== undefined) return readKeys(given, invocation)
  if (target.identity === undefined) {
    throw new CliError(exits.usage, 'audit consistency: --key KEY is missing: which key signs the log of that console?')
  }
  return readKeys((await findLocalInfo(invocation.where)).info.auditLog.verifierKey, invocation)
}

/** How far the log went then. @throws Error for what no trusted key signed */
async function sizeOf(earlier: string | undefined, keys: readonly VerifierKey[]): Promise<number> {
  if (earlier === undefined) return 1
  const { keysForLog, openCheckpoint, readCheckpoint } = await import('@countersign/tlog')
  const { size } = openCheckpoint(earlier, keysForLog(readCheckpoint(earlier).origin, keys))
  if (size === 0) throw new Error('that checkpoint is of an empty log, from which every log goes on')
  return size
}

async function askFrom(client: Client, size: number): Promise<Answer> {
  try {
    return await client.get<Answer>('/audit/consistency', { from: size })
  } catch (error) {
    // More entries than there are.
    if (!(error instanceof CliError) || size === 1 || !['invalid_params', 'not_found'].includes(error.code ?? '')) {
      throw error
    }
    throw new Error(`the log was set back, or is another one: ${error.message}, which that checkpoint is for`, {
      cause: error,
    })
  }
}

async function check(
  earlier: string | undefined,
  { checkpoint, proof }: Answer,
  keys: readonly VerifierKey[],
): Promise<ProvenConsistency | undefined> {
  const { keysForLog, openCheckpoint, readCheckpoint, verifyConsistency } = await import('@countersign/tlog')
  if (earlier !== undefined) return verifyConsistency({ earlier, checkpoint, proof }, keys)
  openCheckpoint(checkpoint, keysForLog(readCheckpoint(checkpoint).origin, keys))
  return undefined
}
