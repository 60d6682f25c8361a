import type { ApprovalAnswer } from '../../api/approval-answer.ts'
import type { CallAnswer } from '../../api/call-answer.ts'
import { agree, isAsked } from '../questions/agree.ts'
import { isWholeCallId, resolveCallId } from '../calls/call-ids.ts'
import { CliError, exits } from '../cli-error.ts'
import type { Client } from '../connect/client.ts'
import { checkArguments, type Command, type Invocation } from '../command.ts'
import { describeEvent } from '../calls/describe-event.ts'
import { explainNoVote } from '../calls/explain-no-vote.ts'
import { showApproval } from '../calls/show-approval.ts'
import { count } from '../output/times.ts'

const decisionWaitMs = 3000

/** Says yes to a held call. */
export const approve = voteCommand('approve', 'Say yes to a held call')
/** Says no to a held call. */
export const reject = voteCommand('reject', 'Say no to a held call')

function voteCommand(decision: 'approve' | 'reject', summary: string): Command {
  return {
    name: decision,
    forms: [{ usage: `${decision} <call> [--comment TEXT] [--yes]`, summary }],
    details: [
      'Shows what would run and votes over the digest of exactly that, as `approver` (or --as approver2). At a terminal it',
      'asks first, and only a yes votes; elsewhere, and with --yes, it goes on, and takes no shortened id. Exit code 1 when no',
      'vote was cast or it is refused, 130 for Ctrl-C.',
    ],
    options: { comment: { type: 'string' }, yes: { type: 'boolean', short: 'y' } },
    optionHelp: { '--comment TEXT': 'kept with the vote', '--yes': 'do not ask' },
    run: (invocation) => vote(decision, invocation),
  }
}

async function vote(decision: 'approve' | 'reject', invocation: Invocation) {
  const { args, out, client, option, nowMs } = invocation
  checkArguments(args, 1, 1, decision)
  const console = await client('approver')
  const callId = await votedCallId(console, invocation)
  const path = `/approvals/${callId}`
  const noVote = async () => explainNoVote(callId, [console, await invocation.observer()], nowMs)
  const held = await orWhenRefused(['unknown_approval'], console.get<ApprovalAnswer>(path), noVote)
  if (held.state !== 'waiting' || Date.parse(held.expiresAt) <= nowMs) throw await noVote()
  await checkDigest(held)
  showApproval(out, held, nowMs)
  await agree(invocation, `${decision} this call?`, 'no vote was cast')
  const comment = option('comment')
  const counted = await orWhenRefused(
    ['approval_ended'],
    console.post<ApprovalAnswer>(`${path}/votes`, {
      decision,
      digest: held.digest,
      ...(comment === undefined ? {} : { comment }),
    }),
    noVote,
  )
  const after = await settled(console, path, counted)
  if (out.forPrograms) out.json(after)
  out.line()
  out.line(
    { text: decision === 'approve' ? 'approved' : 'rejected', style: decision === 'approve' ? 'good' : 'bad' },
    as(console.target.identity),
    `: ${outcome(after, console.target.identity)}`,
    decision === 'approve' && after.state === 'denied' ? await whyDenied(console, callId) : '',
  )
  return exits.ok
}

/** What waits, and else any call that begins so: a vote that comes too late learns how the call ended. */
async function votedCallId(console: Client, invocation: Invocation): Promise<string> {
  const { args, observer } = invocation
  const typed = args[0]!
  // Who is asked sees which call it is before the vote. A program may have been about one that ended, and another begins like it.
  if (!isAsked(invocation) && /^[0-9a-f-]{1,36}$/i.test(typed) && !isWholeCallId(typed)) {
    const message = `"${typed}" is only the beginning of a call id, and nobody is asked here whether the call that begins so is the one that is meant, so no vote was cast`
    throw new CliError(exits.usage, message, { next: 'give all of it: countersign approvals --json has it' })
  }
  try {
    return await resolveCallId(console, typed, 'waiting')
  } catch (error) {
    if (!(error instanceof CliError) || error.exit !== exits.notFound) throw error
    return resolveCallId(await observer(), typed, 'all')
  }
}

async function orWhenRefused<T>(codes: string[], answer: Promise<T>, explain: () => Promise<CliError>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    throw error instanceof CliError && codes.includes(error.code ?? '') ? await explain() : error
  }
}

/** I3: the vote is over the digest, so the digest must be that of what is shown. */
async function checkDigest({ arguments: content, digest, callId }: ApprovalAnswer): Promise<void> {
  // Loaded only here: the rest of the command does without, and starts sooner.
  const { digestOf } = await import('@countersign/contracts')
  if (content !== null && digestOf(content) === digest) return
  throw new CliError(
    exits.negative,
    `what the console shows of call ${callId} is not what its digest says, so no vote was sent`,
    {
      next: 'tell the operator; do not approve this call',
    },
  )
}

/** The vote is stored before policy acts on it: a vote that decides is followed until it did, for a while. */
async function settled(console: Client, path: string, counted: ApprovalAnswer): Promise<ApprovalAnswer> {
  let latest = counted
  const deadline = Date.now() + decisionWaitMs
  while (latest.state === 'waiting' && isDecided(latest) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    latest = await console.get<ApprovalAnswer>(path)
  }
  return latest
}

function isDecided({ votes, quorum }: ApprovalAnswer): boolean {
  return votes.some(({ vote }) => vote === 'reject') || yesIn(votes) >= quorum
}

function yesIn(votes: ApprovalAnswer['votes']): number {
  return votes.filter(({ vote }) => vote === 'approve').length
}

function as(identity: string | undefined): string {
  return identity ? ` as ${identity}` : ''
}

/** A call may be denied although it was approved: what the policies in force, or what they look at, say now. */
async function whyDenied(console: Client, callId: string): Promise<string> {
  try {
    const { events } = await console.get<CallAnswer>(`/calls/${callId}`)
    const denied = events.find(({ event }) => event === 'denied')
    return denied ? `, because ${describeEvent('denied', denied.data)}` : ''
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    return `; see why: countersign call ${callId}`
  }
}

const ends = {
  allowed: 'the call may run now',
  denied: 'the call is denied',
  cancelled: 'its caller withdrew the call',
}

function outcome(after: ApprovalAnswer, identity: string | undefined): string {
  const { state, votes, quorum } = after
  if (state !== 'waiting') return ends[state]
  if (isDecided(after)) return 'your vote is stored, but policy has not acted on it yet; see countersign call'
  const other = identity === 'approver' ? ' (here: --as approver2)' : ''
  return `${yesIn(votes)} of ${count(quorum, 'approval')} given; the call still waits for somebody else${other}`
}
