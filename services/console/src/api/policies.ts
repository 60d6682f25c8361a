import { verbs } from '@countersign/contracts'
import { z } from 'zod'
import { type Route, route } from './route.ts'

const { files } = verbs.policy.check.input.shape

/** Policies in force, and whether others could be. */
export const policies: readonly Route[] = [
  route({
    method: 'GET',
    path: '/policies',
    summary: 'The policies in force with their revision, and the problems that keep newer ones out',
    operators: true,
    answer: verbs.policy.policies.output,
    handle: (_asked, { bus }) => bus.callApi(verbs.policy.policies, {}),
  }),
  route({
    method: 'POST',
    path: '/policies/check',
    summary: 'Checks policy documents without putting them in force',
    operators: true,
    body: z.strictObject({ files: z.array(z.strictObject(files.element.shape)).max(200) }),
    bodyLimit: 4 * 1024 * 1024,
    answer: verbs.policy.check.output,
    handle: ({ body }, { bus }) => bus.callApi(verbs.policy.check, body, 20_000),
  }),
]
