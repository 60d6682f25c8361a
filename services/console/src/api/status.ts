import { gatherStatus, StatusAnswer } from './gather-status.ts'
import { type Route, route } from './route.ts'

/** Whether everything works. */
export const status: readonly Route[] = [
  route({
    method: 'GET',
    path: '/status',
    summary: 'Whether the bus and each service answer, and what waits',
    answer: StatusAnswer,
    handle: ({ viewer }, context) => gatherStatus(context, viewer),
  }),
]
