import { WatchedFile, type WatchOptions } from '@countersign/config'
import { parseWitnessPolicy, type WitnessPolicy } from '@countersign/tlog'

/** Who is asked to cosign, from a file that is read again when it changes. Each witness needs a URL to be asked at. */
export function witnessPolicyFile(path: string, options: WatchOptions = {}): WatchedFile<WitnessPolicy> {
  const parse = (text: string) => {
    const policy = parseWitnessPolicy(text)
    const silent = policy.witnesses.find(({ url }) => url === undefined)
    if (silent) throw new Error(`witness ${silent.name} has no URL to be asked at`)
    return policy
  }
  return new WatchedFile(path, parse, options)
}
