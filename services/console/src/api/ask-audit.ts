import type { Bus } from '@countersign/bus'
import { type ApiVerb, CountersignError, verbs } from '@countersign/contracts'
import type { z } from 'zod'

/** How long a question to the index of the audit log may take, in ms: longer than the index lets it. */
const answerMs = 15_000
/** After so long audit is asked whether it is there at all, which it says at once. */
const doubtMs = 1000
const presenceMs = 2000

/** Audit, or its index, does not answer; the message says which. */
export class AuditSilent extends CountersignError {
  /** What follows from it, in words: `audit does not answer, so …`. */
  consequence(so: string): string {
    return `${this.message.split('; ')[0]}, so ${so}`
  }
}

/**
 * Asks audit what may take long to answer; that audit is not there, or hangs, is known much sooner.
 *
 * @throws AuditSilent when it does not answer
 */
export async function askAudit<I extends z.ZodType<unknown, { tenant: string }>, O extends z.ZodType>(
  bus: Pick<Bus, 'callApi'>,
  verb: ApiVerb<I, O>,
  input: z.input<I>,
): Promise<z.output<O>> {
  let doubt: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_resolve, reject) => {
    const look = () => bus.callApi(verbs.audit.status, { tenant: input.tenant }, presenceMs).catch(ifSilent)
    const ifSilent = (error: unknown) => isSilence(error) && reject(error)
    doubt = setTimeout(look, doubtMs)
  })
  try {
    return await Promise.race([bus.callApi(verb, input, answerMs), silence])
  } catch (error) {
    throw isSilence(error) ? new AuditSilent(error.code, error.message, { cause: error }) : error
  } finally {
    clearTimeout(doubt)
  }
}

function isSilence(error: unknown): error is CountersignError {
  return error instanceof CountersignError && error.code === 'service_unavailable'
}
