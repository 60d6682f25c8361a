import { type ApiReply, type ApiVerb, CountersignError, isErrorCode, subjects } from '@countersign/contracts'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { z } from 'zod'

/** As long as who asks waits, unless another time is given. */
const answerMs = 5000

/** Asks another service (`api.<service>.<verb>`). */
export function callApi(nc: NatsConnection) {
  return async <I extends z.ZodType, O extends z.ZodType>(
    verb: ApiVerb<I, O>,
    input: z.input<I>,
    timeoutMs = answerMs,
  ): Promise<z.output<O>> => {
    let reply: ApiReply<unknown>
    try {
      const message = await nc.request(subjects.api(verb.service, verb.verb), JSON.stringify(input), {
        timeout: timeoutMs,
      })
      reply = message.json<ApiReply<unknown>>()
    } catch (cause) {
      throw new CountersignError(
        'service_unavailable',
        `${verb.service} does not answer; look at its log and ask again`,
        { cause },
      )
    }
    if (!reply.ok) {
      const { code, message, details } = reply.error
      throw new CountersignError(isErrorCode(code) ? code : 'internal', message, details ? { details } : undefined)
    }
    return verb.output.parse(reply.value)
  }
}

/** A verb that is answered. */
export interface Serving {
  /** Takes no more requests; resolves when those in hand are answered, or nobody waits for an answer any more. */
  stop: () => Promise<void>
}

/** Several verbs, which stop together. */
export function together(serving: readonly Serving[]): Serving {
  return { stop: async () => void (await Promise.all(serving.map(({ stop }) => stop()))) }
}

/** Answers a verb; replicas share the work. Errors of the table travel, others and answers that cannot be sent are reported as `internal`. */
export function serveApi(nc: NatsConnection) {
  return <I extends z.ZodType, O extends z.ZodType>(
    verb: ApiVerb<I, O>,
    handler: (input: z.output<I>) => Promise<z.input<O>> | z.input<O>,
    onDefect: (error: unknown) => void,
  ): Serving => {
    const answer = async (data: Uint8Array): Promise<ApiReply<unknown>> => {
      try {
        const input = verb.input.safeParse(JSON.parse(new TextDecoder().decode(data)))
        if (!input.success) {
          throw new CountersignError('invalid_params', `${verb.service}.${verb.verb}: ${z.prettifyError(input.error)}`)
        }
        return { ok: true, value: await handler(input.data) }
      } catch (error) {
        if (error instanceof CountersignError) {
          const { code, message, details } = error
          return { ok: false, error: { code, message, ...(details ? { details } : {}) } }
        }
        onDefect(error)
        return {
          ok: false,
          error: { code: 'internal', message: `${verb.service} could not answer; its log has the details` },
        }
      }
    }
    const respond = (message: Msg, reply: ApiReply<unknown>) => {
      const problem = trySending(message, reply)
      if (problem === undefined) return
      const name = `${verb.service}.${verb.verb}`
      onDefect(new Error(`the answer of ${name} could not be sent`, { cause: problem }))
      const told = `${name} has an answer that cannot be sent, most likely because it is too large; ask for less, and see the log of ${verb.service}`
      trySending(message, { ok: false, error: { code: 'internal', message: told } })
    }
    const inHand = new Set<Promise<void>>()
    const take = (message: Msg) => {
      const answered = answer(message.data)
        .then((reply) => respond(message, reply))
        .finally(() => inHand.delete(answered))
      inHand.add(answered)
    }
    const subject = subjects.api(verb.service, verb.verb)
    const subscription = nc.subscribe(subject, {
      queue: verb.service,
      callback: (error, message) => {
        // What a consumer has the server push here keeps its own subject: it is no request of who may ask (I11).
        if (!error && message.subject === subject) take(message)
      },
    })
    return {
      async stop() {
        // What was on its way is here within a round trip; without a connection nothing is.
        const finished = subscription.drain().then(() => Promise.all(inHand))
        const late = new Promise((resolve) => setTimeout(resolve, answerMs).unref())
        await Promise.race([finished.catch(() => {}), late])
      },
    }
  }
}

/** Returns why an answer cannot be sent: it is larger than the bus carries, or is no JSON. Without a connection it is dropped. */
function trySending(message: Msg, reply: ApiReply<unknown>): unknown {
  try {
    message.respond(JSON.stringify(reply))
    return undefined
  } catch (error) {
    return error
  }
}
