import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Json } from '@countersign/contracts'
import type { ProvenCall } from '@countersign/tlog'
import { findRedaction, type FoundRedaction } from '../audit/redaction/find-redaction.ts'
import { readRecords } from '../audit/redaction/read-records.ts'
import { readNamed } from '../audit/verify/read-named.ts'
import { readKeys, warnOfKeys } from '../audit/verify/trust.ts'
import { CliError, type Exit, exits } from '../cli-error.ts'
import { checkArguments, countOf, type Invocation, oneOf } from '../command.ts'

const minKeyBytes = 32

/** `countersign audit redaction salt|check <file>`: both need no Countersign, only what they are given. */
export async function auditRedaction(invocation: Invocation): Promise<Exit> {
  const what = oneOf(invocation.args[1], ['salt', 'check'] as const, 'what follows audit redaction')
  checkArguments(invocation.args, 3, 3, `audit redaction ${what}`)
  return what === 'salt' ? giveSalt(invocation) : checkOriginal(invocation)
}

/** For whoever has the key of redactions: the salt of one place, which says nothing about any other. */
async function giveSalt(invocation: Invocation): Promise<Exit> {
  const { args, option, out, where } = invocation
  const { redactionSalt } = await import('@countersign/contracts')
  const { place } = await placeIn(invocation)
  const key = await readKey(needed(option, 'redaction-key', 'FILE', 'salt'), where.cwd)
  const salt = redactionSalt(key, place)
  if (out.forPrograms) out.json({ salt, ...shown(place) })
  out.line(salt)
  out.line({
    text: `with it: countersign audit redaction check ${args[2]} --path ${place.path} --seq ${place.stream.seq} --salt … --original FILE`,
    style: 'faint',
  })
  return exits.ok
}

/** For whoever was given a salt: whether something is what was taken out. */
async function checkOriginal(invocation: Invocation): Promise<Exit> {
  const { args, option, out, where } = invocation
  const { canonicalJson, isOriginal } = await import('@countersign/contracts')
  const salt = needed(option, 'salt', 'HEX', 'check')
  if (!/^[0-9a-f]{64}$/i.test(salt)) throw new CliError(exits.usage, '--salt must be 64 hex digits')
  const { place, text, isProof } = await placeIn(invocation)
  const claimed = await readNamed(
    needed(option, 'original', 'FILE', 'check'),
    where.cwd,
    '--original must be a file with what was taken out, as JSON or as text',
  )
  const keys = await readKeys(option('key'), invocation)
  let proven: ProvenCall | undefined
  try {
    if (isProof) proven = (await import('@countersign/tlog')).verifyCallProof(text, keys)
  } catch (error) {
    const reason = `${args[2]} does not verify: ${(error as Error).message}`
    if (out.forPrograms) out.json({ ok: false, reason })
    out.line({ text: 'wrong: ', style: 'bad' }, reason)
    return exits.negative
  }
  const ok = readings(claimed, canonicalJson).some((value) => isOriginal(place, salt, value))
  const signedBy = proven?.signedBy
  if (out.forPrograms) out.json({ ok, ...shown(place), ...(signedBy ? { signedBy } : {}) })
  const whence = `${place.path} of ${place.event}${place.callId === undefined ? '' : ` of call ${place.callId}`}`
  if (signedBy) out.line(`sealed in a log signed by ${signedBy.join(', ')}`)
  else {
    out.line({ text: 'a record alone does not show that it was sealed: ', style: 'warn' }, 'a proof of its call does')
  }
  if (signedBy && keys.length === 0) warnOfKeys(out)
  out.line(
    ok
      ? { text: `it is what was taken out at ${whence}`, style: 'good' }
      : { text: `it is not what was taken out at ${whence}, or the salt is that of another place`, style: 'bad' },
  )
  return ok ? exits.ok : exits.negative
}

async function placeIn({ args, option, where }: Invocation) {
  const text = await readNamed(args[2]!, where.cwd, 'a file with records, or a proof of a call, is needed')
  const { records, isProof } = readRecords(text, args[2]!)
  const seq = countOf(option('seq'), 'seq', Number.MAX_SAFE_INTEGER)
  return { place: findRedaction(records, option('path'), seq), text, isProof }
}

/** As audit reads it: all bytes of the file. */
async function readKey(file: string, cwd: string): Promise<Buffer> {
  const key = await readFile(resolve(cwd, file)).catch((error: Error) => {
    throw new CliError(exits.usage, `--redaction-key cannot be read: ${error.message}`)
  })
  if (key.length < minKeyBytes) {
    throw new CliError(
      exits.usage,
      `${file} has fewer than ${minKeyBytes} bytes, so it is not the key of redactions of an audit`,
      { next: 'it is the file that COUNTERSIGN_AUDIT_REDACTION_KEY_FILE names' },
    )
  }
  return key
}

/** What a file can mean: JSON that has an RFC 8785 form, or the text in it, which an editor may have ended with a line feed. */
function readings(text: string, canonicalJson: (value: Json) => string): Json[] {
  const asText = [text, text.replace(/\r?\n$/, '')]
  try {
    const json = JSON.parse(text) as Json
    canonicalJson(json)
    return [json, ...asText]
  } catch {
    return asText
  }
}

function needed(option: Invocation['option'], name: string, what: string, form: string): string {
  const value = option(name)
  if (value === undefined) throw new CliError(exits.usage, `audit redaction ${form}: --${name} ${what} is missing`)
  return value
}

function shown({ tenant, callId, event, stream, path, digest }: FoundRedaction) {
  return { tenant, callId, event, stream, path, digest }
}
