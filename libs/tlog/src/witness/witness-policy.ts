import { cosignatureKey } from '../note/cosignature.ts'
import { parseVerifierKey, type VerifierKey } from '../note/keys.ts'

/** Somebody who cosigns checkpoints. */
export interface Witness {
  /** In the policy. */
  name: string
  key: VerifierKey
  /** Where it is asked (C2SP tlog-witness); a verifier needs none. */
  url?: URL
}

/** Who is asked to cosign, and whose cosignatures are enough. */
export interface WitnessPolicy {
  witnesses: readonly Witness[]
  /** For people: the name of the quorum. */
  quorum: string
  /** True when cosignatures by these keys are enough. */
  isMetBy(keys: ReadonlySet<VerifierKey>): boolean
}

type Rule = (keys: ReadonlySet<VerifierKey>) => boolean

/** One checkpoint carries so many signatures at most, with room for those of the log. */
const maxWitnesses = 64

/**
 * Reads a witness policy, one statement a line. The statements are those of Sigsum's policy files; keys are verifier keys (C2SP
 * signed-note), as in the policies of Tessera and Torchwood. Sigsum's own files have keys in hex, without a name, which are refused:
 *
 *     witness NAME VERIFIER-KEY [URL]
 *     group NAME all|any|NUMBER MEMBER …
 *     quorum NAME|none
 *
 * Lines that begin with `#` and `log` are passed over; a line that is a verifier key alone is a witness of that key's name.
 * Without `quorum` all witnesses are needed.
 *
 * @throws Error naming the line and what is wrong with it
 */
export function parseWitnessPolicy(text: string): WitnessPolicy {
  const witnesses: Witness[] = []
  const rules = new Map<string, Rule>()
  let quorum: { name: string; rule: Rule } | undefined
  const define = (name: string | undefined, rule: Rule) => {
    if (name === undefined || name === 'none' || rules.has(name)) throw new Error(`"${name ?? ''}" is no new name`)
    rules.set(name, rule)
  }
  const known = (name: string): Rule => {
    const rule = rules.get(name)
    if (!rule) throw new Error(`"${name}" is no witness or group of a line before`)
    return rule
  }
  const addWitness = (name: string | undefined, vkey: string, url?: string) => {
    const key = cosignatureKey(parseVerifierKey(vkey))
    // Under another name, too: whoever holds it would count twice.
    if (witnesses.some((each) => each.key.publicKey.equals(key.publicKey))) {
      throw new Error(`the key of ${name} is there already`)
    }
    if (witnesses.length === maxWitnesses) throw new Error(`there are more than ${maxWitnesses} witnesses`)
    define(name, (keys) => keys.has(key))
    witnesses.push({ name: name!, key, ...(url === undefined ? {} : { url: witnessUrl(url) }) })
  }
  const read = ([word = '', ...rest]: string[]) => {
    if (word === 'log') return
    if (word === 'witness' && (rest.length === 2 || rest.length === 3)) return addWitness(rest[0], rest[1]!, rest[2])
    if (word === 'group' && rest.length > 2) {
      const [name, needed, ...members] = rest
      const twice = members.find((member, place) => members.indexOf(member) < place)
      if (twice !== undefined) throw new Error(`"${twice}" is named twice: it would count for two`)
      return define(name, atLeast(needed!, members.map(known)))
    }
    if (word === 'quorum' && rest.length === 1 && !quorum) {
      quorum = { name: rest[0]!, rule: rest[0] === 'none' ? () => true : known(rest[0]!) }
      return
    }
    if (rest.length > 0 || !word.includes('+')) throw new Error('witness, group or quorum is expected')
    addWitness(word.split('+')[0], word)
  }
  for (const [place, line] of text.split('\n').entries()) {
    const words = line.trim().split(/\s+/)
    if (words[0] === '' || words[0]!.startsWith('#')) continue
    try {
      read(words)
    } catch (error) {
      throw new Error(`line ${place + 1}: ${(error as Error).message}`, { cause: error })
    }
  }
  if (witnesses.length === 0) throw new Error('it names no witness')
  const everybody = atLeast(
    'all',
    witnesses.map(({ name }) => known(name)),
  )
  return { witnesses, quorum: quorum?.name ?? 'all witnesses', isMetBy: quorum?.rule ?? everybody }
}

function atLeast(needed: string, members: readonly Rule[]): Rule {
  const count = needed === 'all' ? members.length : needed === 'any' ? 1 : Number(needed)
  if (!Number.isInteger(count) || count < 1 || count > members.length) {
    throw new Error(`"${needed}" of ${members.length} cannot be: all, any or a number is expected`)
  }
  return (keys) => members.filter((member) => member(keys)).length >= count
}

function witnessUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) throw new Error(`"${text}" is no http or https URL`)
  return url
}
