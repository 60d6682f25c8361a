/** The size that the witness has seen is not the one that the request goes on from. */
export interface SeenOtherSize {
  seen: number
}

/** What a witness answered: its signature lines, or how far it had seen the log. */
export type WitnessAnswer = { lines: string[] } | SeenOtherSize

const maxAnswerBytes = 64 * 1024

/** Thrown when a witness does not cosign. */
export class WitnessRefused extends Error {
  override name = 'WitnessRefused'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/**
 * Asks a witness to cosign a checkpoint (C2SP tlog-witness, `POST <url>/add-checkpoint`), once.
 *
 * @param request.old how far the witness has seen the log
 * @param request.proof that the checkpoint goes on from there
 * @throws WitnessRefused for any other answer, Error when none comes in time or it is too long
 */
export async function addCheckpoint(
  url: URL,
  request: { old: number; proof: readonly Buffer[]; note: string },
  timeoutMs: number,
): Promise<WitnessAnswer> {
  const endpoint = new URL(url)
  endpoint.pathname = `${endpoint.pathname.replace(/\/$/, '')}/add-checkpoint`
  const hashes = request.proof.map((hash) => `${hash.toString('base64')}\n`).join('')
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: `old ${request.old}\n${hashes}\n${request.note}`,
    // What is asked of one witness is not answered by another.
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  })
  const text = await readBounded(response)
  if (response.status === 409) {
    const [, size] = /^(0|[1-9]\d{0,14})\n?$/.exec(text) ?? []
    if (size !== undefined) return { seen: Number(size) }
  }
  if (response.status !== 200) {
    throw new WitnessRefused(response.status, `it answered ${response.status}: ${text.trim().slice(0, 200)}`)
  }
  return { lines: text.split('\n').filter((line) => line.startsWith('— ')) }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > maxAnswerBytes) throw new Error(`its answer is longer than ${maxAnswerBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
