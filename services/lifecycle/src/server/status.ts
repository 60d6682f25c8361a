import type { Condition } from '@countersign/contracts'

/** How far the server itself is. */
export type Phase = { is: 'refused' | 'starting' | 'running' | 'unreachable' | 'down' | 'stopped'; message: string }

/** What the MCP handshake says. */
export type Verification = { is: 'unknown' | 'verified' | 'failed'; message: string }

/**
 * The conditions of a server, with the types and reasons of `mcp.x-k8s.io/v1beta1`.
 *
 * @param problem why its newest document is refused, if it is
 * @param previous the conditions before; the time of a condition moves only with its status
 * @param at now, as an instant
 */
export function conditionsOf(
  { problem, phase, verification }: { problem: string | undefined; phase: Phase; verification: Verification },
  previous: readonly Condition[],
  at: string,
): Condition[] {
  const condition = (
    type: Condition['type'],
    status: Condition['status'],
    reason: string,
    message: string,
  ): Condition => {
    const before = previous.find((each) => each.type === type)
    return {
      type,
      status,
      reason,
      message,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : at,
    }
  }
  const accepted =
    problem === undefined
      ? condition('Accepted', 'True', 'Valid', 'the document is valid')
      : condition('Accepted', 'False', 'Invalid', problem)
  return [accepted, condition('Available', ...available(phase)), condition('Verified', ...verified(verification))]
}

function available({ is, message }: Phase): [Condition['status'], string, string] {
  switch (is) {
    case 'refused':
      return ['False', 'ConfigurationInvalid', message]
    case 'starting':
      return ['Unknown', 'Initializing', message]
    case 'running':
      return ['True', 'Available', message]
    case 'unreachable':
    case 'down':
    case 'stopped':
      return ['False', 'DeploymentUnavailable', message]
  }
}

function verified({ is, message }: Verification): [Condition['status'], string, string] {
  switch (is) {
    case 'unknown':
      return ['Unknown', 'NotVerified', message]
    case 'verified':
      return ['True', 'Verified', message]
    case 'failed':
      return ['False', 'EndpointUnavailable', message]
  }
}
