import { CountersignError } from '@countersign/contracts'
import type { StreamRoute } from '../route.ts'

/** Opens the live feed for one reader (`text/event-stream`; WHATWG HTML, section 9.2). */
export const streamCalls: StreamRoute['stream'] = async ({ viewer, header, recheck }, { feed }, out) => {
  const last = header('last-event-id')
  if (last !== undefined && !/^\d{1,15}$/.test(last)) {
    throw new CountersignError(
      'invalid_params',
      'Last-Event-ID is not the id of an event of this feed; leave it out to follow from now on',
    )
  }
  const lastSeq = last === undefined ? undefined : Number(last)
  await feed.open({ viewer, out, recheck, lastSeq }, () => {
    out.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    })
    out.write('retry: 2000\n\n')
  })
}
