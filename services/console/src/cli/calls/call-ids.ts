import type { ApprovalAnswer } from '../../api/approval-answer.ts'
import { CliError, exits } from '../cli-error.ts'
import type { Client } from '../connect/client.ts'

const whole = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
/** The first 12 digits of a call id are the time it was asked, to the millisecond. */
const usualLength = 13

interface Listed {
  calls: { callId: string }[]
  incomplete?: string
}
const noCalls: Listed = { calls: [] }

/** True for an id that nothing is missing of. */
export function isWholeCallId(typed: string): boolean {
  return whole.test(typed.toLowerCase())
}

/** Waiting approvals this identity may see, the oldest first, and whether more may wait. */
export async function waitingApprovals(client: Client): Promise<{ approvals: ApprovalAnswer[]; more: boolean }> {
  return client.get('/approvals')
}

/**
 * Makes a whole call id of what was typed: a whole one, or the beginning of exactly one waiting or recent call.
 *
 * @throws CliError when no call or more than one begins so
 */
export async function resolveCallId(client: Client, typed: string, among: 'waiting' | 'all'): Promise<string> {
  const wanted = typed.toLowerCase()
  if (isWholeCallId(wanted)) return wanted
  if (!/^[0-9a-f-]{1,36}$/.test(wanted)) {
    throw new CliError(exits.usage, `"${typed}" is not a call id`, { next: 'list calls with: countersign calls' })
  }
  const approvals = (await waitingApprovals(client)).approvals.map(({ callId }) => callId)
  const { calls, incomplete } = among === 'all' ? await client.get<Listed>('/calls', { limit: 500 }) : noCalls
  const found = [...new Set([...approvals, ...calls.map(({ callId }) => callId)])].filter((id) => id.startsWith(wanted))
  if (found.length === 1) return found[0]!
  if (found.length === 0) {
    const [what, list] = among === 'waiting' ? ['waiting call', 'approvals'] : ['recent call', 'calls']
    const though = incomplete === undefined ? '' : `; ${incomplete}`
    throw new CliError(exits.notFound, `no ${what} begins with ${typed}${though}`, {
      next: `list them with: countersign ${list}`,
    })
  }
  throw new CliError(exits.usage, `${found.length} calls begin with ${typed}: ${found.slice(0, 5).join(', ')}`, {
    next: 'type more of it',
  })
}

/** Shortens call ids to beginnings that still tell them apart. */
export function shortIds(ids: readonly string[]): (id: string) => string {
  let length = usualLength
  const distinct = new Set(ids)
  while (length < 36 && new Set([...distinct].map((id) => id.slice(0, length))).size < distinct.size) length += 1
  return (id) => id.slice(0, length)
}
