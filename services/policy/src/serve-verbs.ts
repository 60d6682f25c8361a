import { type Serving, together } from '@countersign/bus'
import { verbs } from '@countersign/contracts'
import { checkPolicies } from '@countersign/policies'
import { Approvals } from './approval/list.ts'
import { resolve } from './approval/resolve.ts'
import { vote } from './approval/vote.ts'
import type { PolicyBundle } from './bundle/bundle.ts'
import type { PolicyContext } from './call/context.ts'
import { VisibleTools } from './call/visible.ts'

/** Answers `api.policy.<verb>`. */
export function serveVerbs(context: PolicyContext, bundle: PolicyBundle): Serving {
  const { bus, log } = context
  const approvals = new Approvals(context)
  const visible = new VisibleTools(context)
  const onDefect = (error: unknown) => log.error({ err: error }, 'a verb could not be answered')
  const served = [
    bus.serveApi(verbs.policy.visible, ({ principal, servers }) => visible.of(principal, servers), onDefect),
    bus.serveApi(verbs.policy.approvals, ({ viewer, all }) => approvals.list(viewer, all), onDefect),
    bus.serveApi(verbs.policy.approval, ({ viewer, callId, all }) => approvals.one(viewer, callId, all), onDefect),
    bus.serveApi(verbs.policy.vote, (input) => vote(context, input), onDefect),
    bus.serveApi(verbs.policy.resolve, (input) => resolve(context, input), onDefect),
    bus.serveApi(verbs.policy.policies, () => bundle.view(), onDefect),
    bus.serveApi(
      verbs.policy.status,
      async () => ({ audit: context.audit(), faults: keyFaults(await context.keyProblem()) }),
      onDefect,
    ),
    bus.serveApi(verbs.policy.check, ({ files }) => checkPolicies(files), onDefect),
  ]
  return together(served)
}

function keyFaults(problem: string | undefined) {
  if (problem === undefined) return []
  const why = `${problem}, so grants are signed with the key read last, and with none after a restart`
  return [
    {
      what: 'key of grants',
      problem: why,
      remedy: 'mend the file, or make a new key; it is read again within a second',
    },
  ]
}
