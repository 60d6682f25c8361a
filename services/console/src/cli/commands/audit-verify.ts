import type { SinceChecked, StoreLocation, Verification, VerifierKey, WitnessPolicy } from '@countersign/tlog'
import { locationOf } from '../audit/verify/location-of.ts'
import { readNamed } from '../audit/verify/read-named.ts'
import { storeTrouble } from '../audit/verify/store-trouble.ts'
import { readKeys, readWitnesses, warnOfKeys } from '../audit/verify/trust.ts'
import { verifyOpened } from '../audit/verify/verify-opened.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import { checkArguments, type Invocation } from '../command.ts'
import { findLocalInfo } from '../connect/find-console.ts'
import { progressOn } from '../output/progress.ts'
import { count } from '../output/times.ts'

/** What is verified, and by which keys. */
interface Target {
  what: { proof: string } | { location: StoreLocation }
  name: string
  keys: VerifierKey[]
  witnesses: WitnessPolicy | undefined
}

/** `countersign audit verify [folder | URL of a bucket | proof]`: needs nothing but what it verifies. */
export async function auditVerify(invocation: Invocation): Promise<Exit> {
  checkArguments(invocation.args, 1, 2, 'audit')
  const target = await findTarget(invocation)
  return 'proof' in target.what
    ? verifyProof(invocation, target, target.what.proof)
    : verifyFolder(invocation, target, target.what.location)
}

async function verifyFolder(
  { out, option, where }: Invocation,
  { name, keys, witnesses }: Target,
  location: StoreLocation,
): Promise<Exit> {
  const { describeProblem } = await import('@countersign/tlog')
  const file = option('since')
  const saved =
    file === undefined ? undefined : { note: await readNamed(file, where.cwd, '--since must be a checkpoint'), file }
  const found = await verifyFiles(location, keys, witnesses)
  const since = saved && (await compareSince(location, found, { ...saved, trusted: keys }))
  const content = await verifyOpened(location, option, where.cwd)
  const more = [...(since?.problems ?? []), ...(content?.problems ?? [])]
  const good = found.problemCount === 0 && more.length === 0
  if (out.forPrograms) out.json({ ok: good, ...found, ...(since ? { since } : {}), ...(content ? { content } : {}) })
  showTrees(out, found, since, file)
  const { records, calls, problems, problemCount } = found
  out.line(`${count(records, 'record')}, ${count(calls.ended, 'call')} that ended, ${calls.open} open`)
  if (content)
    out.line(`${count(content.opened, 'encrypted place')} opened to what was sealed, ${content.erased} erased`)
  for (const problem of [...problems, ...more]) out.line({ text: 'wrong: ', style: 'bad' }, describeProblem(problem))
  if (problemCount > problems.length) out.line(`and ${problemCount - problems.length} more`)
  if (keys.length === 0) warnOfKeys(out)
  out.line(good ? { text: `${name} verifies`, style: 'good' } : { text: `${name} does not verify`, style: 'bad' })
  return good ? exits.ok : exits.negative
}

async function verifyFiles(
  location: StoreLocation,
  trusted: readonly VerifierKey[],
  witnesses: WitnessPolicy | undefined,
): Promise<Verification> {
  const { verifyLog } = await import('@countersign/tlog')
  const progress = progressOn(process.stderr)
  try {
    const onProgress = (entries: number) => progress.show(`${entries} entries read`)
    return await verifyLog(location, { trusted, witnesses, onProgress })
  } catch (error) {
    throw storeTrouble(error as Error)
  } finally {
    progress.end()
  }
}

/** With a checkpoint that was kept: whether the log goes on from it. */
async function compareSince(
  location: StoreLocation,
  { trees }: Verification,
  saved: { note: string; file: string; trusted: readonly VerifierKey[] },
): Promise<SinceChecked> {
  const { checkSince } = await import('@countersign/tlog')
  return checkSince(location, trees, saved).catch((error: Error) => {
    throw storeTrouble(error)
  })
}

function showTrees(
  out: Invocation['out'],
  { trees }: Verification,
  since: SinceChecked | undefined,
  file: string | undefined,
): void {
  for (const { folder, origin, size, root, checkpoints, signedBy, witnessed } of trees) {
    out.line(
      { text: origin, style: 'strong' },
      `  ${size === 1 ? '1 entry' : `${size} entries`}, ${count(checkpoints, 'checkpoint')}`,
    )
    out.fields([
      ['root', root],
      ['signed by', signedBy.join(', ')],
      ...(witnessed
        ? [['witnessed', `the first ${witnessed.size}, by ${witnessed.at}, by ${witnessed.by.join(', ')}`] as const]
        : []),
      ...(since?.folder === folder ? [['goes on from', `the first ${since.size}, as signed in ${file}`] as const] : []),
    ])
  }
}

async function verifyProof({ out, option }: Invocation, target: Target, text: string): Promise<Exit> {
  const { name, keys, witnesses } = target
  if (option('since') !== undefined) {
    throw new CliError(exits.usage, `--since compares a log with a checkpoint, and ${name} is a proof of one call`)
  }
  const { verifyCallProof } = await import('@countersign/tlog')
  try {
    const proven = verifyCallProof(text, keys, witnesses)
    if (out.forPrograms) out.json({ ok: true, ...proven })
    out.line(`call ${proven.callId} of ${proven.tenant}, in a log of ${proven.logSize} entries`)
    for (const { index, event, storedAt } of proven.events)
      out.line(`  ${String(index).padStart(10)}  ${storedAt}  ${event}`)
    if (!proven.complete) warnOfRest(out, proven.events.at(-1)?.event)
    out.line(`signed by ${proven.signedBy.join(', ')}`)
    if (proven.witnessedBy) out.line(`witnessed by ${proven.witnessedBy.join(', ')}`)
    if (keys.length === 0) warnOfKeys(out)
    out.line({ text: `${name} verifies`, style: 'good' })
    return exits.ok
  } catch (error) {
    if (out.forPrograms) out.json({ ok: false, reason: (error as Error).message })
    out.line({ text: 'wrong: ', style: 'bad' }, (error as Error).message)
    out.line({ text: `${name} does not verify`, style: 'bad' })
    return exits.negative
  }
}

function warnOfRest(out: Invocation['out'], last: string | undefined): void {
  if (last === 'unknown') {
    out.line(
      { text: 'ends with an unknown outcome: ', style: 'warn' },
      'that an operator found out since would follow, and is not in this proof',
    )
  } else {
    out.line({ text: 'has no final event in this proof: ', style: 'warn' }, 'the call may have gone on')
  }
}

/** What was named, or the log of the Countersign of this folder. */
async function findTarget(invocation: Invocation): Promise<Target> {
  const { args, option, where } = invocation
  const [, named] = args
  const keys = await readKeys(option('key'), invocation)
  const witnesses = await readWitnesses(option('witness'), where.cwd)
  if (named === undefined) {
    const { info } = await findLocalInfo(where)
    const { dir, verifierKey } = info.auditLog
    const trusted = keys.length > 0 ? keys : await readKeys(verifierKey, invocation)
    return { what: { location: { dir } }, name: dir, keys: trusted, witnesses }
  }
  const location = await locationOf(named, where.cwd)
  if (location) return { what: { location }, name: named, keys, witnesses }
  const proof = await readNamed(named, where.cwd, 'the proof cannot be read')
  return { what: { proof }, name: named, keys, witnesses }
}
