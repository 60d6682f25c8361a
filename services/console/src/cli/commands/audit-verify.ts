import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { ContentVerification, StoreLocation, VerifierKey, WitnessPolicy } from '@countersign/tlog'
import { CliError, type Exit, exits } from '../cli-error.ts'
import { checkArguments, type Invocation } from '../command.ts'
import { bucketAccess } from '../config.ts'
import { findLocalInfo } from '../connect/find-console.ts'
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
  const { describeProblem, NoLog, verifyLog } = await import('@countersign/tlog')
  const found = await verifyLog(location, { trusted: keys, witnesses }).catch((error: Error) => {
    const exit = error instanceof NoLog ? exits.notFound : exits.unreachable
    throw new CliError(exit, error.message, {
      next: 'name the folder of a log, the URL of its bucket, or a proof',
    })
  })
  const content = await verifyOpened(location, option, where.cwd)
  const good = found.problemCount === 0 && (content?.problems ?? []).length === 0
  if (out.forPrograms) out.json({ ok: good, ...found, ...(content ? { content } : {}) })
  for (const { origin, size, root, checkpoints, signedBy, witnessed } of found.trees) {
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
    ])
  }
  const { records, calls, problems, problemCount } = found
  out.line(`${count(records, 'record')}, ${count(calls.ended, 'call')} that ended, ${calls.open} open`)
  for (const problem of problems) out.line({ text: 'wrong: ', style: 'bad' }, describeProblem(problem))
  if (content) {
    out.line(`${count(content.opened, 'encrypted place')} opened to what was sealed, ${content.erased} erased`)
    for (const problem of content.problems) out.line({ text: 'wrong: ', style: 'bad' }, describeProblem(problem))
  }
  if (problemCount > problems.length) out.line(`and ${problemCount - problems.length} more`)
  if (keys.length === 0) warnOfKeys(out)
  out.line(good ? { text: `${name} verifies`, style: 'good' } : { text: `${name} does not verify`, style: 'bad' })
  return good ? exits.ok : exits.negative
}

/** With the keys of subjects: whether what is encrypted is what was sealed. */
async function verifyOpened(
  location: StoreLocation,
  option: Invocation['option'],
  cwd: string,
): Promise<ContentVerification | undefined> {
  const [dir, kek] = [option('subject-keys'), option('kek')]
  if (dir === undefined && kek === undefined) return undefined
  if (dir === undefined || kek === undefined) {
    throw new CliError(
      exits.usage,
      '--subject-keys and --kek go together: the folder of keys, and what they are wrapped with',
    )
  }
  const { openKeyReader } = await import('@countersign/subject-keys')
  const { verifyContent } = await import('@countersign/tlog')
  try {
    const keys = await openKeyReader(resolve(cwd, dir), resolve(cwd, kek))
    try {
      return await verifyContent(location, keys.find)
    } finally {
      keys.close()
    }
  } catch (error) {
    throw new CliError(exits.usage, `the keys of subjects cannot be used: ${(error as Error).message}`)
  }
}

async function verifyProof({ out }: Invocation, { name, keys, witnesses }: Target, text: string): Promise<Exit> {
  const { verifyCallProof } = await import('@countersign/tlog')
  try {
    const proven = verifyCallProof(text, keys, witnesses)
    if (out.forPrograms) out.json({ ok: true, ...proven })
    out.line(`call ${proven.callId} of ${proven.tenant}, in a log of ${proven.logSize} entries`)
    for (const { index, event, storedAt } of proven.events)
      out.line(`  ${String(index).padStart(10)}  ${storedAt}  ${event}`)
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

function warnOfKeys(out: Invocation['out']): void {
  out.line(
    { text: 'the keys are those that lie beside it: ', style: 'warn' },
    'who could change it could have put them there. Give one that you got elsewhere with --key',
  )
}

/** What was named, or the log of the Countersign of this folder. */
async function findTarget({ args, option, where }: Invocation): Promise<Target> {
  const [, named] = args
  const keys = await readKeys(option('key'), where.cwd)
  const witnesses = await readWitnesses(option('witness'), where.cwd)
  if (named === undefined) {
    const { info } = await findLocalInfo(where)
    const { dir, verifierKey } = info.auditLog
    const trusted = keys.length > 0 ? keys : await readKeys(verifierKey, where.cwd)
    return { what: { location: { dir } }, name: dir, keys: trusted, witnesses }
  }
  const location = await locationOf(named, where.cwd)
  if (location) return { what: { location }, name: named, keys, witnesses }
  const proof = await readFile(resolve(where.cwd, named), 'utf8')
  return { what: { proof }, name: named, keys, witnesses }
}

/**
 * The store of a folder or of the URL of a bucket; undefined for a file.
 *
 * @throws CliError for what is not there
 */
export async function locationOf(named: string, cwd: string): Promise<StoreLocation | undefined> {
  if (/^https?:\/\//.test(named)) {
    const { parseBucketUrl } = await import('@countersign/tlog')
    return { s3: { ...parseBucketUrl(named), ...bucketAccess() } }
  }
  const path = resolve(cwd, named)
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new CliError(exits.notFound, `there is no folder or file ${named}`)
  return found.isDirectory() ? { dir: path } : undefined
}

/** Witnesses as they were given: the key of one, or a file with some, or with a policy. */
async function readWitnesses(given: string | undefined, cwd: string): Promise<WitnessPolicy | undefined> {
  if (given === undefined) return undefined
  const { parseWitnessPolicy } = await import('@countersign/tlog')
  try {
    return parseWitnessPolicy(await keyOrFile(given, cwd))
  } catch (error) {
    const reason = (error as Error).message
    throw new CliError(exits.usage, `--witness must be a verifier key or a file with witnesses: ${reason}`)
  }
}

async function keyOrFile(given: string, cwd: string): Promise<string> {
  return /^[^+\s]+\+[0-9a-f]{8}\+\S+$/.test(given) ? given : readFile(resolve(cwd, given), 'utf8')
}

/** Keys as they were given: one, or a file with one a line. */
async function readKeys(given: string | undefined, cwd: string): Promise<VerifierKey[]> {
  if (given === undefined) return []
  const { parseVerifierKey } = await import('@countersign/tlog')
  try {
    const text = await keyOrFile(given, cwd)
    return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : parseVerifierKey(line)))
  } catch (error) {
    throw new CliError(exits.usage, `--key must be a verifier key or a file with some: ${(error as Error).message}`)
  }
}
