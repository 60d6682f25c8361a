/** What a person can do about a call where it stands; undefined where there is nothing to do. */
export function nextStep(state: string, callId: string): string | undefined {
  if (state === 'held' || state === 'previewed' || state === 'voted') return `decide: countersign approve ${callId}`
  if (state !== 'unknown') return undefined
  return `find out whether it ran, then: countersign resolve ${callId} --outcome ran|did_not_run --evidence TEXT`
}
